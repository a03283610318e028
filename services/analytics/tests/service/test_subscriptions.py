"""Events become activity and sums, once, and only as far as their people consent."""

import json
from datetime import UTC, datetime, time, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from google.protobuf.timestamp_pb2 import Timestamp

from analytics import tables
from analytics.operations.activities import delete_activity
from analytics.store import activities
from analytics.wiring import intake
from chassis.database import uuid7
from chassis.erasure import begin, forget_rows
from chassis.events import Fact
from marquee.analytics.v1 import analytics_pb2 as pb
from marquee.gateway.v1 import events_pb2 as gateway
from marquee.interactions.v1 import events_pb2 as interactions
from marquee.recommender.v1 import events_pb2 as recommender
from marquee.users.v1 import events_pb2 as users_events

ROLLUPS = [table.name for table in tables.ROLLUPS]


def moment(at: datetime | None = None) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(at or datetime.now(UTC))
    return stamp


def fact(message) -> Fact:
    return Fact(message.DESCRIPTOR.full_name, str(uuid4()), 1, message.SerializeToString())


def favorite_added(user_id: UUID, movie_id: int = 7, at: datetime | None = None) -> Fact:
    return fact(
        interactions.FavoriteAdded(
            user_id=str(user_id), movie_id=movie_id, sequence=1, favorited_at=moment(at)
        )
    )


def observed(user_ids, activity_type: str = "view_movie", **more) -> Fact:
    message, stamp = gateway.ActivityObserved(), moment()
    for user_id in user_ids:
        message.activities.add(
            event_id=str(uuid7()),
            user_id=str(user_id),
            activity_type=activity_type,
            movie_id=11,
            occurred_at=stamp,
            **more,
        )
    return fact(message)


def rows(database, table: str = "user_activity") -> list:
    with database.read() as connection:
        return list(connection.execute(sa.select(tables.metadata.tables[table])).mappings())


def everything(database) -> dict[str, list]:
    without = {"created_at", "updated_at"}
    return {
        name: sorted(
            str({key: value for key, value in row.items() if key not in without})
            for row in rows(database, name)
        )
        for name in ["user_activity", *ROLLUPS]
    }


def consenting(users, tracking: str = "full") -> UUID:
    user_id = uuid4()
    users.tracking[str(user_id)] = tracking
    return user_id


def test_each_event_becomes_the_activity_it_tells_of(tell, users, database):
    one = str(user_id := consenting(users))
    at, device = moment(), {"address": "203.0.113.77", "agent": "Browser/1.0"}
    tell(
        "users.events",
        fact(users_events.UserLoggedIn(user_id=one, session_id="s", logged_in_at=at, **device)),
        fact(users_events.UserLoggedOut(user_id=one, session_id="s", logged_out_at=at)),
    )
    tell(
        "interactions.events",
        favorite_added(user_id),
        fact(interactions.FavoriteRemoved(user_id=one, movie_id=7, removed_at=at)),
        fact(interactions.MovieRated(user_id=one, movie_id=7, rating=4.5, rated_at=at)),
        fact(interactions.WatchlistEntryAdded(user_id=one, movie_id=7, added_at=at)),
        fact(interactions.WatchlistEntryRemoved(user_id=one, movie_id=7, removed_at=at)),
    )
    click = recommender.RecommendationClicked(
        user_id=one, recommendation_id="r", movie_id=9, clicked_at=at, recommended_at=at
    )
    tell("recommender.events", fact(click))
    tell("gateway.activity", observed([user_id]), observed([user_id], "search"))
    stored = {row["activity_type"]: row for row in rows(database)}
    assert sorted(stored) == [
        "add_favorite",
        "add_watchlist",
        "click_recommendation",
        "login",
        "logout",
        "rate_movie",
        "remove_favorite",
        "remove_watchlist",
        "search",
        "view_movie",
    ]
    assert {row["user_id"] for row in stored.values()} == {user_id}
    assert stored["rate_movie"]["metadata"] == {"rating": 4.5}
    assert stored["click_recommendation"]["movie_id"] == 9
    assert str(stored["login"]["address"]) == "203.0.113.0/24"
    assert stored["login"]["agent"] == "Browser/1.0"


def test_imported_ratings_and_changed_notes_are_no_activity(tell, users, database):
    one = str(consenting(users))
    rated = interactions.MovieRated(user_id=one, movie_id=8, rating=3)
    tell(
        "interactions.events",
        fact(interactions.MovieRated(user_id=one, movie_id=7, rating=4, imported=True)),
        fact(interactions.WatchlistEntryAdded(user_id=one, movie_id=7, updated=True)),
        fact(interactions.WatchlistEntryAdded(user_id=one, movie_id=8, imported=True)),
        fact(interactions.FavoriteAdded(user_id=one, movie_id=8, imported=True)),
        fact(interactions.RatingsImported(ratings=[rated])),
    )
    assert rows(database) == []


@pytest.mark.parametrize("tracking", ["off", "unknown-word", None])
def test_nothing_at_all_is_stored_of_who_does_not_consent(tell, users, database, tracking):
    user_id = uuid4()
    if tracking is not None:
        users.tracking[str(user_id)] = tracking
    tell("interactions.events", favorite_added(user_id))
    tell("gateway.activity", observed([user_id], address="203.0.113.1", agent="Browser"))
    assert not any(everything(database).values())
    assert rows(database, "activity_seen") == []


def test_switching_tracking_on_is_no_consent_to_what_was_done_before(tell, users, database):
    user_id, switched_on = consenting(users), datetime.now(UTC) - timedelta(days=2)
    named_from = switched_on + timedelta(days=1)
    users.stored_since[str(user_id)] = switched_on
    users.named_since[str(user_id)] = named_from
    tick = timedelta(seconds=1)
    tell(
        "interactions.events",
        favorite_added(user_id, 1, switched_on - tick),
        favorite_added(user_id, 2, switched_on),
        favorite_added(user_id, 3, named_from - tick),
        favorite_added(user_id, 4, named_from),
    )
    kept = {row["movie_id"]: row["user_id"] for row in rows(database)}
    assert kept == {2: None, 3: None, 4: user_id}
    assert len(rows(database, "activity_seen")) == 3


def test_a_sender_s_fast_clock_is_no_consent(tell, users, database):
    user_id, now = consenting(users), datetime.now(UTC)
    users.stored_since[str(user_id)] = now + timedelta(minutes=30)
    tell("interactions.events", favorite_added(user_id, at=now + timedelta(hours=1)))
    assert rows(database) == []


def test_an_anonymous_activity_cannot_be_traced(tell, users, database):
    user_id = consenting(users, "anonymous")
    query = json.dumps({"query": "my own name"})
    tell(
        "gateway.activity",
        observed([user_id] * 2, address="203.0.113.1", agent="Browser", metadata_json=query),
    )
    first, second = rows(database)
    for row in (first, second):
        assert (row["user_id"], row["address"], row["agent"]) == (None, None, None)
        assert row["metadata"] == {}
        assert row["pseudonym"] not in {None, user_id}
        assert row["occurred_at"].minute == row["occurred_at"].microsecond == 0
        assert row["activity_id"].version == 4
    assert first["pseudonym"] == second["pseudonym"]
    assert all(row["users_count"] == 1 for row in rows(database, "activity_rollup"))


def test_sums_tell_by_the_day_when_they_were_written(tell, users, database):
    user_id = consenting(users, "anonymous")
    for _ in range(2):
        tell("gateway.activity", observed([user_id]))
    written = [
        row[name].time()
        for table in ROLLUPS
        for row in rows(database, table)
        for name in ("created_at", "updated_at")
    ]
    assert set(written) == {time()}, "an exact one is that of the event, and so of its person"


def test_what_arrives_together_ties_no_days_together(tell, users, database):
    user_id, noon = consenting(users, "anonymous"), datetime.now(UTC).replace(hour=12)
    late = [noon - timedelta(days=days) for days in (3, 2, 2)]
    tell("interactions.events", *[favorite_added(user_id, at=at) for at in late])
    by_day: dict[datetime, set[UUID]] = {}
    for row in rows(database):
        by_day.setdefault(row["occurred_at"], set()).add(row["pseudonym"])
        assert row["received_at"].time() == time(), "who else came in this hour is soon counted"
    assert [len(pseudonyms) for pseudonyms in by_day.values()] == [1, 1]
    assert len(set.union(*by_day.values())) == 2


def test_a_pseudonym_ends_with_its_salt(tell, users, database):
    user_id = consenting(users, "anonymous")
    tell("gateway.activity", observed([user_id]))
    with database.begin() as connection:
        connection.execute(sa.delete(tables.pseudonym_salt))
    tell("gateway.activity", observed([user_id]))
    first, second = rows(database)
    assert first["pseudonym"] != second["pseudonym"]


def test_streams_told_again_change_nothing(tell, users, database):
    user_id, other = consenting(users), consenting(users, "anonymous")
    one, at = str(user_id), moment()
    kind = "hybrid"
    usage = gateway.RouteUsage(method="GET", route="/r", status=200, requests_count=3, minute=at)
    told = {
        "interactions.events": [favorite_added(user_id), favorite_added(other)],
        "recommender.events": [
            fact(
                recommender.ListServed(
                    user_id=one, recommendation_type=kind, movie_ids=[1, 2], served_at=at
                )
            ),
            fact(
                recommender.RecommendationClicked(
                    user_id=one, movie_id=1, recommendation_type=kind, clicked_at=at
                )
            ),
        ],
        "gateway.activity": [
            observed([user_id, other]),
            fact(gateway.RequestsServed(instance="g", usages=[usage])),
        ],
    }
    for stream, facts in told.items():
        tell(stream, *facts)
    before = everything(database)
    assert all(before.values())
    for stream, facts in told.items():
        tell(stream, *facts)
        tell(stream, *reversed(facts))
    assert everything(database) == before


def test_the_same_view_told_by_another_event_counts_once(tell, users, database):
    told = observed([consenting(users)])
    for version in (2, 3):
        again = Fact(told.type, told.aggregate_id, version, told.payload)
        tell("gateway.activity", told, again)
    assert len(rows(database)) == 1
    assert {row["count"] for row in rows(database, "activity_rollup")} == {1}


def test_a_late_event_counts_when_it_happened(tell, users, database):
    user_id, late = consenting(users), datetime.now(UTC) - timedelta(days=5)
    tell("interactions.events", favorite_added(user_id), favorite_added(user_id, 8, late))
    days = {
        row["bucket"].date(): row["count"]
        for row in rows(database, "activity_rollup")
        if row["granularity"] == "day"
    }
    assert days[late.date()] == 1
    assert len(days) == 2


def test_a_person_counts_once_in_a_bucket(tell, users, database):
    one, two, at = consenting(users), consenting(users), datetime.now(UTC)
    tell("interactions.events", favorite_added(one, 1, at), favorite_added(two, 2, at))
    tell("interactions.events", favorite_added(one, 3, at), favorite_added(one, 4, at))
    for row in rows(database, "activity_rollup"):
        assert (row["count"], row["users_count"]) == (4, 2)


def test_poison_is_buried_and_the_stream_goes_on(tell, users, database):
    user_id = consenting(users)
    poison = Fact(observed([user_id]).type, "x", 1, b"\xff\xff\xff")
    nobody = observed(["?"])
    strange = observed([user_id], metadata_json='{"a": "\\u0000"}')
    tell("gateway.activity", poison, nobody, strange, observed([user_id]))
    assert len(rows(database)) == 1
    buried = {row["event_id"] for row in rows(database, "dead_letter")}
    assert buried == {poison.event_id, nobody.event_id, strange.event_id}


def test_one_unreadable_activity_costs_no_other(tell, users, database):
    people = [consenting(users) for _ in range(500)]
    batch = gateway.ActivityObserved.FromString(observed(people).payload)
    batch.activities[123].activity_type = "of a later release"
    batch.activities[321].metadata_json = '{"a": "\\u0000"}'
    tell("gateway.activity", fact(batch), observed([people[0]]))
    assert {row["user_id"] for row in rows(database)} == {
        one for number, one in enumerate(people) if number not in {123, 321}
    }
    assert len(rows(database)) == 499
    buried = [
        gateway.ActivityObserved.FromString(bytes(row["payload"])).activities
        for row in rows(database, "dead_letter")
    ]
    assert sorted(one.user_id for (one,) in buried) == sorted([str(people[123]), str(people[321])])


def test_of_a_buried_batch_only_the_part_of_who_is_erased_goes(
    tell, users, database, settings, to_users
):
    ada, grace = consenting(users), consenting(users)
    query = '{"query": "what Ada looks for", "a": "\\u0000"}'
    tell("gateway.activity", observed([ada, grace], metadata_json=query))
    eraser = intake(settings, database, to_users).eraser
    with database.begin() as connection:
        assert forget_rows(connection, ada, eraser.rewriters) == 1
    (left,) = rows(database, "dead_letter")
    message = gateway.ActivityObserved.FromString(bytes(left["payload"]))
    assert [one.user_id for one in message.activities] == [str(grace)]
    assert str(ada) not in str(left)
    assert "looks for" not in left["error"], "nobody would find it there again"


def test_ten_thousand_views_are_stored_in_batches(tell, users, database):
    people = [consenting(users) for _ in range(250)]
    tell("gateway.activity", *[observed(people * 2) for _ in range(20)])
    assert len(rows(database)) == 10_000
    assert len(users.asked) <= 20
    assert {row["count"] for row in rows(database, "activity_rollup")} == {10_000}
    assert {row["users_count"] for row in rows(database, "activity_rollup")} == {250}


def test_a_batch_waits_until_users_can_say_who_consents(tell, users, database):
    users.failures = 6  # more than the tries an event has that fails by itself
    tell("interactions.events", favorite_added(consenting(users)))
    assert len(rows(database)) == 1
    assert rows(database, "dead_letter") == []


def test_what_was_deleted_does_not_come_back_with_a_late_event(tell, users, stub, tokens, database):
    user_id, before = consenting(users), datetime.now(UTC) - timedelta(seconds=5)
    tell("interactions.events", favorite_added(user_id))
    metadata = tokens.user(user_id)
    reply = stub.DeleteActivity(pb.DeleteActivityRequest(), timeout=5, metadata=metadata)
    assert reply.deleted_count == 1
    tell("interactions.events", favorite_added(user_id, 8, before))
    assert rows(database) == []
    assert rows(database, "activity_actor") == []
    tell("interactions.events", favorite_added(user_id, 9))
    assert [row["movie_id"] for row in rows(database)] == [9]


def test_whoever_deletes_and_comes_again_counts_once(tell, users, stub, tokens, database):
    user_id, late = consenting(users), datetime.now(UTC) - timedelta(days=2)
    metadata = tokens.user(user_id)
    tell("interactions.events", favorite_added(user_id), favorite_added(user_id, at=late))
    stub.DeleteActivity(pb.DeleteActivityRequest(), timeout=5, metadata=metadata)
    tell("interactions.events", favorite_added(user_id, 9))
    of_day = {
        row["bucket"].date(): (row["count"], row["users_count"])
        for row in rows(database, "activity_rollup")
        if row["granularity"] == "day"
    }
    assert of_day.pop(late.date()) == (1, 1), "what is over stays as it was"
    assert sum(count for count, _ in of_day.values()) == 2
    assert {row["users_count"] for row in rows(database, "activity_rollup")} == {1}


def test_of_two_deletions_at_once_the_later_counts(settings, to_users, database):
    user_id, hiding = uuid4(), intake(settings, database, to_users).hiding
    earlier, later = (datetime(2031, 5, 17, hour, tzinfo=UTC) for hour in (1, 2))
    for at in (later, earlier):
        with database.begin() as connection:
            delete_activity(connection, user_id, "", hiding=hiding, at=at)
    (kept,) = rows(database, "activity_deletion")
    assert kept["deleted_at"] == later


def test_nothing_of_who_is_erased_is_left_by_a_deletion_under_way(
    tell, users, stub, tokens, settings, to_users, database
):
    user_id, tombstones = consenting(users), intake(settings, database, to_users).hiding.tombstones
    tell("interactions.events", favorite_added(user_id))
    with database.begin() as connection:
        begin(connection, tombstones, uuid4(), user_id)
        activities.forget(connection, user_id)
    metadata = tokens.user(user_id)
    reply = stub.DeleteActivity(pb.DeleteActivityRequest(), timeout=5, metadata=metadata)
    assert reply.deleted_count == 0
    assert rows(database, "activity_deletion") == []


def test_somebody_erased_is_forgotten_and_stays_so(database, users, tell):
    ada, grace = uuid4(), uuid4()
    users.tracking.update({str(ada): "full", str(grace): "full"})
    facts = [favorite_added(ada), favorite_added(grace)]
    tell("interactions.events", *facts)
    assert len(rows(database)) == 2
    message = users_events.ErasureRequested(erasure_id=str(uuid4()), user_id=str(ada))
    tell("users.events", fact(message))
    # Their consent is still known where it is asked for: only the tombstone keeps this out.
    tell("interactions.events", favorite_added(ada, movie_id=8))
    tell("gateway.activity", observed([ada, grace]))
    with database.begin() as connection:
        assert activities.forget(connection, ada) >= 2
        assert activities.forget(connection, ada) == 0
    assert {row["user_id"] for row in rows(database)} == {grace}
    assert str(ada) not in str(rows(database, "activity_actor"))
    assert len(rows(database, "job")) == 2
