"""Every stream told again to every consumer, from its beginning: nothing changes anywhere."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
import sqlalchemy as sa
from running_suite import Person, Suite, eventually, movie_ids

from chassis.events import stream_key

pytestmark = [pytest.mark.e2e, pytest.mark.faults]

FOLLOWED = {
    "users.events": {"analytics", "catalog", "interactions", "recommender"},
    "catalog.events": {"interactions", "recommender", "users"},
    "interactions.events": {"analytics", "interactions", "recommender"},
    "recommender.events": {"analytics", "users"},
    "gateway.activity": {"analytics", "recommender"},
}
# What is not an effect: what was consumed, and how far; chores, and how far they have counted;
# and how far outboxes were told.
NO_EFFECTS = {"inbox", "job", "progress", "relay_state"}
ATTEMPTS = 5


@pytest.fixture
def streams(suite: Suite) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(suite.stores()["redis"][0]) as client:
        yield client


def rows(stores: dict[str, Any]) -> dict[str, Any]:
    """Every table of every service: how many rows, and a sum over all that stands in them."""
    return {
        f"{service}.{table}": found
        for service, url in stores["databases"].items()
        for table, found in _tables(url)
    }


def _tables(url: str) -> Iterator[tuple[str, Any]]:
    engine = sa.create_engine(url)
    names = sa.text(
        "select relname from pg_class join pg_namespace on pg_namespace.oid = relnamespace "
        "where nspname = 'public' and relkind in ('r', 'p') and not relispartition"
    )
    with engine.connect() as connection:
        for table in set(connection.execute(names).scalars()) - NO_EFFECTS:
            # The gateway goes on counting who asks for its health.
            where = "where route like '/api/v1/%'" if table == "api_usage_rollup" else ""
            told = "to_jsonb(one) - 'published_at'" if table == "outbox" else "one"
            sums = f"count(*), sum(hashtextextended(({told})::text, 0))"
            summed = f'select {sums} from "{table}" one {where}'
            yield table, tuple(connection.execute(sa.text(summed)).one())
    engine.dispose()


def groups(streams: redis.Redis, stream: str) -> dict[str, dict[str, Any]]:
    if not streams.exists(stream_key(stream)):
        return {}
    found: Any = streams.xinfo_groups(stream_key(stream))
    return {group["name"].decode(): group for group in found}


def settled(streams: redis.Redis, stream: str) -> bool:
    """Whether every group has read what is there; what an erasure took out is not waited for."""
    newest: Any = streams.xrevrange(stream_key(stream), count=1)
    last = place(newest[0][0]) if newest else (0, 0)
    return all(
        place(group["last-delivered-id"]) >= last and not group["pending"]
        for group in groups(streams, stream).values()
    )


def place(entry_id: bytes) -> tuple[int, ...]:
    return tuple(map(int, entry_id.split(b"-")))


def all_settled(streams: redis.Redis) -> bool:
    return all(settled(streams, stream) for stream in FOLLOWED)


def tell_again(streams: redis.Redis) -> None:
    """Put every group back to the beginning of its stream, and wait until it has read all."""
    for stream in FOLLOWED:
        for group in groups(streams, stream):
            streams.xgroup_setid(stream_key(stream), group, "0")
    eventually(lambda: all_settled(streams))


def lives(stores: dict[str, Any]) -> dict[str, str | None]:
    """Which life of Redis each outbox was published into; None while it is published again."""
    found: dict[str, str | None] = {}
    for service, url in stores["databases"].items():
        engine = sa.create_engine(url)
        with engine.connect() as connection:
            asked = sa.text("select name, value from relay_state")
            state = {row.name: row.value for row in connection.execute(asked)}
        engine.dispose()
        found[service] = None if "replay" in state else state.get("epoch")
    return found


def forget_and_publish_again(streams: redis.Redis, stores: dict[str, Any]) -> None:
    """Empty Redis: all that outboxes hold comes again, to groups that begin anew."""
    before = lives(stores)
    streams.flushall()

    def published() -> bool:
        now = lives(stores)
        return all(now[service] not in (None, before[service]) for service in before)

    eventually(published)
    outboxes = [stream for stream in FOLLOWED if stream != "gateway.activity"]
    eventually(
        lambda: all(
            groups(streams, stream).keys() >= FOLLOWED[stream] and settled(streams, stream)
            for stream in outboxes
        )
    )


def act(person: Person, shown: list[int]) -> None:
    """Do, and take back some of it: told again, it must not come back."""
    person.rate(shown[0], 4.5)
    person.rate(shown[0], 2.0)
    for path in ("favorites", "watchlist", "hidden"):
        assert person.api.put(f"/me/{path}/{shown[1]}").status_code in (200, 201)
    for path in ("favorites", "hidden"):
        assert person.api.delete(f"/me/{path}/{shown[1]}").status_code == 204


def last_acts(stores: dict[str, Any]) -> int:
    """How often the last thing that `act` does has been counted as use of the API."""
    engine = sa.create_engine(stores["databases"]["analytics"])
    asked = (
        "select coalesce(sum(requests_count), 0) from api_usage_rollup"
        " where method = 'DELETE' and route = '/api/v1/me/hidden/{movie_id}'"
    )
    with engine.connect() as connection:
        found = connection.exec_driver_sql(asked).scalar_one()
    engine.dispose()
    return int(found)


def all_counted(stores: dict[str, Any]) -> bool:
    """Whether the recommender has counted every interaction towards its movie's popularity."""
    engine = sa.create_engine(stores["databases"]["recommender"])
    asked = "select min(horizon) > (select max(changed_in) from interaction) from progress"
    with engine.connect() as connection:
        counted = connection.exec_driver_sql(asked).scalar_one()
    engine.dispose()
    return bool(counted)


def test_streams_told_twice_more_change_no_row_of_any_database(
    suite: Suite, streams: redis.Redis
) -> None:
    person, other = suite.person(), suite.person()
    offers = person.own_page(page_size=5)["items"]
    shown = [offer["movie"]["movie_id"] for offer in offers]
    click = person.api.post(f"/me/recommendations/{offers[2]['recommendation_id']}/click")
    assert click.status_code == 204
    assert person.api.put(f"/me/following/{other.username}").status_code == 201
    erased = other.api.request("DELETE", "/me", json={"password": other.password})
    assert erased.status_code == 202
    assert movie_ids(person.api.get("/movies").json())
    stores = suite.stores()
    eventually(lambda: {stream: set(groups(streams, stream)) for stream in FOLLOWED} == FOLLOWED)
    different: set[str] = set()
    before: dict[str, Any] = {}
    # A chore or an erasure may write meanwhile; what a replay makes of what was just done, it
    # makes of it every time.
    for _attempt in range(ATTEMPTS):
        counted = last_acts(stores)
        act(person, shown)
        eventually(lambda counted=counted: last_acts(stores) > counted)
        eventually(lambda: all_settled(streams))
        eventually(lambda: all_counted(stores))
        before = rows(stores)
        tell_again(streams)
        tell_again(streams)
        forget_and_publish_again(streams, stores)
        after = rows(stores)
        different = {table for table in before if before[table] != after[table]}
        if not different:
            break
    assert not different
    assert all(before[name][0] for name in ("analytics.user_activity", "interactions.movie_stats"))
