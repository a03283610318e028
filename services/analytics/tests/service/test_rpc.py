"""The contract: people's own activity, and sums for administrators."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
import sqlalchemy as sa
from google.protobuf.timestamp_pb2 import Timestamp

from analytics import tables
from chassis.events import Fact
from chassis.rpc.statuses import refusal_from
from marquee.analytics.v1 import analytics_pb2 as pb
from marquee.analytics.v1 import events_pb2 as events
from marquee.gateway.v1 import events_pb2 as gateway
from marquee.recommender.v1 import events_pb2 as recommender


def moment(at: datetime | None = None) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(at or datetime.now(UTC))
    return stamp


class Person:
    """Someone with a token, who speaks to the service."""

    def __init__(self, stub, tokens, role: str = "user") -> None:
        self.user_id = uuid4()
        self._stub = stub
        self._metadata = tokens.user(self.user_id, role)

    def __getattr__(self, method: str):
        def call(**fields):
            name = f"{method}Request"
            request = getattr(pb, name)(**fields)
            return getattr(self._stub, method)(request, timeout=10, metadata=self._metadata)

        return call

    def does(self, *events: dict[str, Any], **more) -> pb.RecordActivityResponse:
        usual: dict[str, Any] = {"activity_type": "view_movie"}
        told = [{"event_id": str(uuid4()), **usual, **one} for one in events]
        return self.RecordActivity(events=told, **more)


def reason_of(call) -> str:
    """Why nobody can answer now."""
    with pytest.raises(grpc.RpcError) as error:
        call()
    refused: Any = error.value
    assert refused.code() is grpc.StatusCode.UNAVAILABLE
    return refusal_from(refused.code(), refused.details(), refused.trailing_metadata()).reason


@pytest.fixture
def person(stub, tokens, users):
    def make(tracking: str = "full", role: str = "user") -> Person:
        made = Person(stub, tokens, role)
        users.tracking[str(made.user_id)] = tracking
        return made

    return make


def refused(call, **fields) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as error:
        call(**fields)
    return error.value.code()


def test_the_same_event_id_counts_once_for_each_person(person):
    one, two = person(), person()
    event = {"event_id": "e1", "movie_id": 7}
    first = one.does(event, event)
    assert (first.stored_count, first.duplicate_count) == (1, 1)
    again = one.does(event, {"event_id": "e2"})
    assert (again.stored_count, again.duplicate_count) == (1, 1)
    assert two.does(event).stored_count == 1
    assert len(one.ListActivity().activities) == 2
    assert [one.movie_id for one in two.ListActivity().activities] == [7]


@pytest.mark.parametrize("tracking", ["off", "anonymous"])
def test_nobody_sees_activity_without_full_consent(person, tracking, database):
    someone = person(tracking)
    reply = someone.does({}, address="203.0.113.9", agent="Browser")
    assert reply.stored_count == (tracking == "anonymous")
    assert len(someone.ListActivity().activities) == 0
    with database.read() as connection:
        kept = connection.execute(sa.select(tables.user_activity)).mappings().all()
    assert all(row["user_id"] is None and row["agent"] is None for row in kept)


@pytest.mark.parametrize(
    "event",
    [
        {"activity_type": "dancing"},
        {"event_id": ""},
        {"event_id": "x" * 101},
        {"movie_id": -1},
        {"metadata_json": "[]"},
        {"metadata_json": '{"a": "%s"}' % ("x" * 4096)},
        {"metadata_json": '{"a": "\\u0000"}'},
        {"occurred_at": Timestamp(seconds=2**62)},
    ],
)
def test_a_claim_that_cannot_be_kept_is_refused_and_nothing_is_stored(person, event):
    someone = person()
    with pytest.raises(grpc.RpcError) as error:
        someone.does({}, event)
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert len(someone.ListActivity().activities) == 0


@pytest.mark.parametrize("away", [timedelta(hours=1), timedelta(days=-31)])
def test_a_claim_of_a_time_that_cannot_be_is_refused_and_nothing_is_stored(person, away):
    someone = person()
    with pytest.raises(grpc.RpcError) as error:
        someone.does({}, {"occurred_at": moment(datetime.now(UTC) + away)})
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert len(someone.ListActivity().activities) == 0


def test_more_than_a_hundred_at_once_are_refused(person):
    someone = person()
    assert someone.does(*[{}] * 100).stored_count == 100
    events_at_once = [pb.ClientEvent(event_id=str(one)) for one in range(101)]
    code = refused(someone.RecordActivity, events=events_at_once)
    assert code is grpc.StatusCode.INVALID_ARGUMENT


def test_pages_give_everything_once_newest_first_while_more_is_written(person):
    someone, now = person(), datetime.now(UTC)
    times = [now - timedelta(hours=hours // 2) for hours in range(25)]
    someone.does(*[{"occurred_at": moment(at), "movie_id": n + 1} for n, at in enumerate(times)])
    seen, token = [], ""
    while True:
        page = someone.ListActivity(page_size=10, page_token=token)
        seen += [(one.occurred_at.ToDatetime(), one.activity_id) for one in page.activities]
        someone.does({"activity_type": "search"})
        token = page.next_page_token
        if not token:
            break
    assert len(seen) == len(set(seen)) == 25
    assert seen == sorted(seen, reverse=True)


def test_a_list_can_be_of_one_type(person):
    someone = person()
    someone.does({}, {"activity_type": "search", "metadata_json": '{"query":"x"}'}, {})
    found = someone.ListActivity(activity_type="search").activities
    assert [one.activity_type for one in found] == ["search"]
    assert found[0].metadata_json.replace(" ", "") == '{"query":"x"}'


def test_a_token_of_another_list_or_person_is_refused(person):
    someone, other = person(), person()
    someone.does({}, {}, {})
    token = someone.ListActivity(page_size=2).next_page_token
    assert len(someone.ListActivity(page_size=2, page_token=token).activities) == 1
    invalid = grpc.StatusCode.INVALID_ARGUMENT
    assert refused(other.ListActivity, page_token=token) is invalid
    assert refused(someone.ListActivity, page_token=token, activity_type="search") is invalid
    assert refused(someone.ListActivity, page_token=token[:-2] + "xx") is invalid
    assert refused(someone.ListActivity, page_token="nonsense") is invalid
    assert refused(someone.ListActivity, page_size=-1) is invalid
    assert refused(someone.ListActivity, activity_type="dancing") is invalid


def test_people_see_and_delete_only_their_own(person, database):
    one, two = person(), person()
    one.does({}, {"activity_type": "search"})
    two.does({})
    assert two.DeleteActivity().deleted_count == 1
    assert len(one.ListActivity().activities) == 2
    assert one.DeleteActivity(activity_type="search").deleted_count == 1
    assert [each.activity_type for each in one.ListActivity().activities] == ["view_movie"]
    assert sum(each.count for each in two.GetActivityStats().counts) == 0
    with database.read() as connection:
        told = connection.execute(sa.text("select payload from outbox order by event_id")).scalars()
        facts = [events.ActivityDeleted.FromString(payload) for payload in told]
    assert [(UUID(fact.user_id), fact.deleted_count) for fact in facts] == [
        (two.user_id, 1),
        (one.user_id, 1),
    ]


def test_a_claim_about_the_time_before_a_deletion_is_not_stored(person):
    someone, before = person(), moment()
    someone.DeleteActivity()
    assert someone.does({"occurred_at": before}).stored_count == 0
    assert someone.does({}).stored_count == 1


def test_stats_count_types_days_and_streaks(person):
    someone, now = person(), datetime.now(UTC)
    for ago in (0, 1, 2, 10, 11):
        someone.does({"occurred_at": moment(now - timedelta(days=ago))})
    someone.does({"activity_type": "search"})
    stats = someone.GetActivityStats()
    assert [(one.activity_type, one.count) for one in stats.counts] == [
        ("view_movie", 5),
        ("search", 1),
    ]
    assert stats.active_days_count == 5
    assert (stats.current_streak_days, stats.longest_streak_days) == (3, 3)
    assert stats.first_activity_at.ToDatetime(tzinfo=UTC) == now - timedelta(days=11)
    lately = someone.GetActivityStats(since=moment(now - timedelta(days=5)))
    assert lately.active_days_count == 3
    assert not person().GetActivityStats().HasField("first_activity_at")


def test_only_administrators_see_sums(person):
    someone = person()
    denied = grpc.StatusCode.PERMISSION_DENIED
    for method in (
        "GetOverview",
        "ListActivitySeries",
        "ListRecommendationPerformance",
        "ListApiUsage",
    ):
        assert refused(getattr(someone, method)) is denied
        assert getattr(person(role="admin"), method)() is not None


def test_administrators_see_what_it_adds_up_to(person, tell):
    admin, one, two = person(role="admin"), person(), person("anonymous")
    one.does({}, {}, {"activity_type": "search"})
    two.does({})
    overview = admin.GetOverview()
    assert overview.active_users_count == 2
    assert [(each.activity_type, each.count) for each in overview.counts] == [
        ("view_movie", 3),
        ("search", 1),
    ]
    for granularity in (pb.GRANULARITY_HOUR, pb.GRANULARITY_DAY):
        assert admin.GetOverview(granularity=granularity) == overview
        points = admin.ListActivitySeries(granularity=granularity).points
        summed = {each.activity_type: (each.count, each.users_count) for each in points}
        assert summed == {"view_movie": (3, 2), "search": (1, 1)}


def fact(message) -> Fact:
    return Fact(message.DESCRIPTOR.full_name, str(uuid4()), 1, message.SerializeToString())


def test_performance_counts_clicks_where_they_were_shown(person, tell):
    admin, at = person(role="admin"), moment()
    earlier = moment(datetime.now(UTC) - timedelta(days=3))
    one = str(person().user_id)
    served = [("hybrid", [1, 2]), ("hybrid", [1, 2]), ("popular", [3, 3, 3, 3])]
    lists = [
        recommender.ListServed(
            user_id=one, recommendation_type=kind, movie_ids=movie_ids, served_at=earlier
        )
        for kind, movie_ids in served
    ]
    click = recommender.RecommendationClicked(
        user_id=one,
        movie_id=1,
        recommendation_type="hybrid",
        clicked_at=at,
        recommended_at=earlier,
    )
    tell("recommender.events", *[fact(each) for each in lists], fact(click))
    points = admin.ListRecommendationPerformance().points
    hybrid, popular = points
    assert hybrid.recommendation_type == "hybrid"
    assert (hybrid.impressions_count, hybrid.clicks_count, hybrid.movies_count) == (4, 1, 2)
    assert hybrid.click_through_rate == 0.25
    assert hybrid.novelty_bits == pytest.approx(2.0)
    assert (popular.movies_count, popular.novelty_bits) == (1, pytest.approx(1.0))
    overview = admin.GetOverview()
    assert (overview.impressions_count, overview.clicks_count) == (8, 1)
    assert overview.click_through_rate == 0.125


def test_the_size_of_the_catalogue_is_what_it_says_and_as_last_known_while_it_is_away(
    person, movies
):
    admin = person(role="admin")
    movies.down = True
    assert reason_of(admin.ListRecommendationPerformance) == "CATALOG_UNAVAILABLE"
    movies.down = False
    assert admin.ListRecommendationPerformance().catalog_movies_count == 8
    movies.movies_count = 5
    assert admin.ListRecommendationPerformance().catalog_movies_count == 5
    movies.down = True
    assert admin.ListRecommendationPerformance().catalog_movies_count == 5


def test_coverage_is_a_share_of_the_catalogue_and_a_period_counts_a_movie_once(person, tell):
    admin, now = person(role="admin"), datetime.now(UTC)
    one = str(person().user_id)

    def shown(kind: str, movie_ids: list[int], days_ago: int) -> Fact:
        served_at = moment(now - timedelta(days=days_ago))
        return fact(
            recommender.ListServed(
                user_id=one, recommendation_type=kind, movie_ids=movie_ids, served_at=served_at
            )
        )

    first, second = shown("hybrid", [1, 2], 1), shown("hybrid", [2, 3], 5)
    tell("recommender.events", first, shown("popular", [4], 1))
    tell("recommender.events", second, first, second)  # late, and again
    found = admin.ListRecommendationPerformance()
    assert found.catalog_movies_count == 8
    hybrid = [each for each in found.points if each.recommendation_type == "hybrid"]
    assert [(each.movies_count, each.coverage) for each in hybrid] == [(2, 0.25), (2, 0.25)]
    totals = {each.recommendation_type: each for each in found.totals}
    assert totals["hybrid"].impressions_count == 4
    assert (totals["hybrid"].movies_count, totals["hybrid"].coverage) == (3, 3 / 8)
    assert (totals["popular"].movies_count, totals["popular"].coverage) == (1, 1 / 8)
    of_five = (2 * math.log2(5) + 2 * math.log2(5 / 2)) / 4
    assert totals["hybrid"].novelty_bits == pytest.approx(of_five)


def test_usage_of_the_api_is_summed_and_paged(person, tell):
    admin, minute = person(role="admin"), moment()
    usages = [
        gateway.RouteUsage(
            method="GET",
            route=f"/r{number}",
            status=500 if number == 4 else 200,
            client="c",
            requests_count=2,
            total_milliseconds=30,
            minute=minute,
        )
        for number in range(5)
    ]
    tell("gateway.activity", fact(gateway.RequestsServed(instance="a", usages=usages)))
    tell("gateway.activity", fact(gateway.RequestsServed(instance="b", usages=usages)))
    first = admin.ListApiUsage(page_size=3)
    second = admin.ListApiUsage(page_size=3, page_token=first.next_page_token)
    points = [*first.points, *second.points]
    assert [each.route for each in points] == ["/r0", "/r1", "/r2", "/r3", "/r4"]
    assert {(each.requests_count, each.mean_milliseconds) for each in points} == {(4, 15.0)}
    assert second.next_page_token == ""
    assert refused(admin.ListApiUsage, page_token="x") is grpc.StatusCode.INVALID_ARGUMENT
    overview = admin.GetOverview()
    assert (overview.requests_count, overview.server_errors_count) == (20, 4)


@pytest.mark.parametrize(
    "period",
    [
        {"from_time": moment(), "to_time": Timestamp(seconds=1)},
        {"from_time": Timestamp(seconds=1)},
        {"from_time": Timestamp(seconds=2**62)},
        {"to_time": Timestamp(seconds=-62135596800)},
    ],
)
def test_a_period_that_is_none_is_refused(person, period):
    admin = person(role="admin")
    for method in (admin.GetOverview, admin.ListActivitySeries, admin.ListApiUsage):
        assert refused(method, **period) is grpc.StatusCode.INVALID_ARGUMENT
    code = refused(admin.ListActivitySeries, granularity=9)
    assert code is grpc.StatusCode.INVALID_ARGUMENT


def test_nothing_is_recorded_while_users_is_down(person, users):
    someone = person()
    users.failures = 3
    assert reason_of(lambda: someone.does({})) == "CONSENT_UNKNOWN"
    users.failures = 0
    assert someone.does({}).stored_count == 1
