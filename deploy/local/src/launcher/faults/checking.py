"""Whether all services agree with what people were promised: by the API, and by the tables."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg2
from sqlalchemy.engine import make_url

from launcher.faults.people import KINDS, Writer

# What a killed consumer had been given is claimed by another half a minute later.
_SETTLE_SECONDS = 240.0
_POLL_SECONDS = 1.0

# Events of each person, and what each has to become in the activity log, once.
_TOLD = """
    select split_part(type, '.', 4) as type, count(*), count(distinct aggregate_version)
    from outbox where aggregate_id like %s and type like 'marquee.interactions.%%' group by 1
"""
_LOGGED = "select activity_type, count(*) from user_activity where user_id = %s group by 1"
_SEQUENCE = "select coalesce(max(sequence), 0) from user_sequence where user_id = %s"
_REPLICA = "select kind, movie_id, rating from interaction where user_id = %s and not deleted"
_ACTIVITY = {
    "MovieRated": "rate_movie",
    "FavoriteAdded": "add_favorite",
    "FavoriteRemoved": "remove_favorite",
    "WatchlistEntryAdded": "add_watchlist",
    "WatchlistEntryRemoved": "remove_watchlist",
}
# Statistics kept by events, against the rows themselves.
_STATS = """
    select count(*) from movie_stats full join (
        select movie_id, count(*) as number, sum(rating) as total
        from rating where deleted_at is null group by movie_id
    ) as truth using (movie_id)
    where coalesce(ratings_count, 0) <> coalesce(number, 0)
       or abs(coalesce(ratings_sum, 0) - coalesce(total, 0)) > 0.01
"""
_BURIED = "select count(*) from dead_letter"

Rows = Sequence[tuple[Any, ...]]


class Checker:
    """Looks into the databases that the services keep."""

    def __init__(self, database_urls: Mapping[str, str]) -> None:
        self._urls = {
            name: make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
            for name, url in database_urls.items()
        }

    async def wrong(self, writers: Sequence[Writer]) -> list[str]:
        """What is still wrong when events have had time to arrive; nothing, if all is well."""
        found = [line for writer in writers for line in await _answers(writer)]
        give_up_at = time.monotonic() + _SETTLE_SECONDS
        while differences := self._tables(writers):
            if time.monotonic() > give_up_at:
                break
            await asyncio.sleep(_POLL_SECONDS)
        return found + differences

    def _tables(self, writers: Sequence[Writer]) -> list[str]:
        looks: tuple[Callable[[Writer], list[str]], ...] = (self._told, self._replica)
        found = [line for writer in writers for look in looks for line in look(writer)]
        if movies := self._one("interactions", _STATS):
            found.append(f"movie_stats: {movies} movies differ from their ratings")
        buried = {name: self._one(name, _BURIED) for name in self._urls}
        return found + [f"{name}: {count} dead letters" for name, count in buried.items() if count]

    def _told(self, writer: Writer) -> list[str]:
        """Each change told once, without a gap, and each told one logged once."""
        rows = self._rows("interactions", _TOLD, f"{writer.user_id}:%")
        told = {kind: int(number) for kind, number, _ in rows}
        sequence = self._one("interactions", _SEQUENCE, writer.user_id)
        logged = dict(self._rows("analytics", _LOGGED, writer.user_id))
        found: list[str] = []
        if not sum(told.values()) == sum(int(different) for *_, different in rows) == sequence:
            found.append(f"{writer.username}: {sum(told.values())} events, {sequence} changes")
        for kind, activity in _ACTIVITY.items():
            if told.get(kind, 0) != logged.get(activity, 0):
                found.append(
                    f"{writer.username}: {told.get(kind, 0)} {kind}, "
                    f"{logged.get(activity, 0)} {activity} in the activity log"
                )
        return found

    def _replica(self, writer: Writer) -> list[str]:
        held: dict[str, dict[int, float]] = {kind: {} for kind in KINDS}
        for kind, movie_id, rating in self._rows("recommender", _REPLICA, writer.user_id):
            name = KINDS[kind]
            held[name][movie_id] = rating if name == "ratings" else 1.0
        return [
            f"{writer.username}: the recommender's {kind} differ: {_difference(kept, held[kind])}"
            for kind, kept in writer.kept.items()
            if held[kind] != kept
        ]

    def _one(self, service: str, statement: str, *values: object) -> int:
        return int(self._rows(service, statement, *values)[0][0])

    def _rows(self, service: str, statement: str, *values: object) -> Rows:
        connection = psycopg2.connect(self._urls[service], connect_timeout=10)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall()
        finally:
            connection.close()


async def _answers(writer: Writer) -> list[str]:
    """What the API says, against what it acknowledged."""
    found: list[str] = []
    for kind, kept in writer.kept.items():
        listed = await writer.listed(kind)
        if listed != kept:
            found.append(f"{writer.username}: {kind} differ: {_difference(kept, listed)}")
    return found


def _difference(kept: Mapping[int, float], found: Mapping[int, float]) -> str:
    lost = [movie for movie in kept if movie not in found]
    more = [movie for movie in found if movie not in kept]
    other = [movie for movie in kept if movie in found and kept[movie] != found[movie]]
    return f"{len(lost)} lost {lost[:3]}, {len(more)} too many {more[:3]}, {len(other)} changed"
