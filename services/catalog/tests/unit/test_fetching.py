"""Batches asked for one after the other over one set of connections."""

import asyncio
import threading
from datetime import UTC, datetime

import pytest

from catalog.jobs.fetching import Fetcher
from catalog.tmdb.client import Answer
from catalog.tmdb.errors import Gone, SourceDenied

CONNECTIONS = 4


class Asked:
    """A TMDb that knows no movie, and refuses one."""

    def __init__(self, refused: int = 0) -> None:
        self.movie_ids: list[int] = []
        self.answers_count = self.requests_count = 0
        self._refused = refused

    async def movie(self, movie_id: int) -> Answer:
        self.movie_ids.append(movie_id)
        await asyncio.sleep(0)
        raise SourceDenied("refused") if movie_id == self._refused else Gone


class Large(Asked):
    """A TMDb of which every movie has a megabyte to tell."""

    async def movie(self, movie_id: int) -> Answer:
        self.movie_ids.append(movie_id)
        await asyncio.sleep(0)
        told = b'{"id": %d, "title": "T", "more": "%s"}' % (movie_id, b"x" * 2**20)
        return Answer(told, datetime.now(UTC))


@pytest.fixture
def loop():
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def fetcher_of(loop, tmdb):
    return Fetcher(loop, tmdb, CONNECTIONS, lambda: None)


def test_the_next_batch_waits_until_this_one_is_asked_for(loop):
    asked = Asked()
    fetcher = fetcher_of(loop, asked)
    batches = [fetcher.movies(range(start, start + 100), list) for start in (1, 101, 201)]
    for batch, start in zip(batches, (1, 101, 201), strict=True):
        assert sorted(one.movie_id for one in fetcher.wait(batch)) == [*range(start, start + 100)]
    for place, movie_id in enumerate(asked.movie_ids):
        assert abs(movie_id - 1 - place) <= CONNECTIONS


def test_a_batch_that_is_refused_does_not_hold_up_the_next(loop):
    fetcher = fetcher_of(loop, Asked(refused=5))
    refused, following = fetcher.movies(range(1, 101), list), fetcher.movies(range(101, 201), list)
    with pytest.raises(SourceDenied):
        fetcher.wait(refused)
    assert len(fetcher.wait(following)) == 100


def test_of_large_bodies_a_batch_holds_only_the_first(loop):
    asked = Large()
    fetched = fetcher_of(loop, asked).movies(range(1, 101), list).result()
    assert 8 <= len(fetched) <= 8 + CONNECTIONS
    assert sorted(one.movie_id for one in fetched) == sorted(asked.movie_ids)
