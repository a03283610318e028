"""TMDb for the synchronous world: an event loop in a thread of its own, fed with batches."""

import asyncio
import threading
from collections.abc import (
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    Mapping,
    Sequence,
)
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import structlog
import uvloop

from catalog.domain.movies import MovieRecord
from catalog.jobs.running import Run, Sync, Watch
from catalog.jobs.speaking import speaking
from catalog.store.quarantines import Quarantined
from catalog.tmdb.client import Answer, Tmdb, connected
from catalog.tmdb.errors import BadAnswer, Gone, SourceUnavailable
from catalog.tmdb.novelties import Novelties
from catalog.tmdb.parsing import movie_record

Result = TypeVar("Result")
_LOOKS = 3
"""How often a body that makes no sense is asked for: most were only cut short on their way."""
_TELL_SECONDS = 1.0
_BATCH_BYTES = 8 * 1024 * 1024
"""Bodies of a batch: the most popular movies have some hundred kilobytes each, and three times that
once they are read."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of asking for a movie: a record, a fault of its own, or nothing yet; else gone."""

    movie_id: int
    record: MovieRecord | None = None
    as_of: datetime | None = None
    fault: Quarantined | None = None
    postponed: bool = False
    body: bytes = b""

    @property
    def size(self) -> int:
        """Bytes of its body."""
        return len(self.fault.body if self.fault else self.body)

    @property
    def gone(self) -> bool:
        """TMDb says that there is no such movie."""
        return not (self.record or self.fault or self.postponed)


class Fetcher:
    """Asks TMDb over one set of connections; answers as futures.

    `tell` is called every second of waiting and may raise, so that no wait outlives its worker.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        tmdb: Tmdb,
        connections: int,
        tell: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._tmdb = tmdb
        self._connections = connections
        self._turns = asyncio.Semaphore(connections)
        self._in_order = asyncio.Lock()
        self._tell = tell
        self._told_requests = 0
        self.novelties = Novelties()

    def movies(
        self, movie_ids: Sequence[int], then: Callable[[list[Fetched]], Result]
    ) -> Future[Result]:
        """These, and what `then` makes of them in a thread of its own, one batch after the other;
        where bodies are large only the first of them. Fails as a whole when TMDb refuses or does
        not answer."""

        async def both() -> Result:
            return await asyncio.to_thread(then, await self._movies(movie_ids))

        return self._submit(both())

    def get(
        self,
        read: Callable[[bytes], Result],
        path: str,
        query: Mapping[str, str] | None = None,
    ) -> Result:
        """One answer, now, as `read` understands it."""
        return self.get_dated(read, path, query)[0]

    def get_dated(
        self,
        read: Callable[[bytes], Result],
        path: str,
        query: Mapping[str, str] | None = None,
    ) -> tuple[Result, datetime]:
        """The same, and the moment it was true."""
        looked = self._looked(path, lambda: self._tmdb.get(path, query), read)
        try:
            result, answer = self.wait(self._submit(looked))
        except Gone as error:
            raise BadAnswer(f"404 for {path}: is TMDB_BASE_URL right?", b"") from error
        except BadAnswer as error:
            raise BadAnswer(f"{path}: {error.error}", error.body) from error
        return result, answer.as_of

    def wait(self, flight: Future[Result]) -> Result:
        """What comes of it."""
        while not futures.wait([flight], _TELL_SECONDS).done:
            self._tell()
        return flight.result()

    def new_requests(self) -> int:
        """Requests sent since this was last asked."""
        before, self._told_requests = self._told_requests, self._tmdb.requests_count
        return self._told_requests - before

    def _submit(self, work: Coroutine[Any, Any, Result]) -> Future[Result]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _movies(self, movie_ids: Sequence[int]) -> list[Fetched]:
        todo, fetched, all_begun = iter(movie_ids), list[Fetched](), asyncio.Event()

        size = 0

        async def work() -> None:
            nonlocal size
            try:
                while size < _BATCH_BYTES and (movie_id := next(todo, None)):
                    async with self._turns:  # of all batches: the budget would be asked in vain
                        one = await self._movie(movie_id)
                    fetched.append(one)
                    size += one.size
            finally:
                all_begun.set()

        tasks = list[asyncio.Task[None]]()
        try:
            async with self._in_order:  # two batches side by side would both come late
                tasks += [asyncio.create_task(work()) for _ in range(self._connections)]
                await all_begun.wait()
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return fetched

    async def _movie(self, movie_id: int) -> Fetched:
        answered = self._tmdb.answers_count
        try:
            record, answer = await self._looked(
                f"/movie/{movie_id}",
                lambda: self._tmdb.movie(movie_id),
                lambda body: self._record(movie_id, body),
            )
        except Gone:
            return Fetched(movie_id)
        except BadAnswer as error:
            fault = Quarantined(movie_id, error.error, error.body)
            return Fetched(movie_id, fault=fault)
        except SourceUnavailable:
            if self._tmdb.answers_count == answered:
                raise
            # Something was answered meanwhile: the others need not wait for this one.
            return Fetched(movie_id, postponed=True)
        return Fetched(movie_id, record, answer.as_of, body=answer.body)

    def _record(self, movie_id: int, body: bytes) -> MovieRecord:
        record = movie_record(movie_id, body)
        self.novelties.look(body)
        return record

    async def _looked(
        self,
        path: str,
        ask: Callable[[], Awaitable[Answer]],
        read: Callable[[bytes], Result],
    ) -> tuple[Result, Answer]:
        for _ in range(_LOOKS - 1):
            try:
                answer = await ask()
                return read(answer.body), answer
            except BadAnswer as error:
                log.info("asking again", path=path, error=error.error)
        answer = await ask()
        return read(answer.body), answer


@contextmanager
def fetching(sync: Sync, run: Run) -> Generator[Fetcher, None, None]:
    """A fetcher for the length of the block."""
    with speaking(sync.database, sync.budget), _fetching(sync, run) as fetcher:
        yield fetcher


@contextmanager
def _fetching(sync: Sync, run: Run) -> Generator[Fetcher, None, None]:
    loop = uvloop.new_event_loop()
    loop.set_default_executor(ThreadPoolExecutor(1, "maker"))
    thread = threading.Thread(target=loop.run_forever, name="fetcher", daemon=True)
    thread.start()
    client = connected(sync.access, sync.budget)
    try:
        tmdb = asyncio.run_coroutine_threadsafe(client.__aenter__(), loop).result()
        try:
            watch = Watch(sync, run, tmdb)
            yield Fetcher(loop, tmdb, sync.access.connections, watch.tell)
        finally:
            asyncio.run_coroutine_threadsafe(_end(client), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(client: Any) -> None:
    """Cancel what is still under way, wait for what writes, then close the connections."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_default_executor()
    await client.__aexit__(None, None, None)
