"""Movies beside other things: one batch for all that are missing at once, JSON bytes kept."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
import structlog

from gateway.cache import Recent
from gateway.resources.movies import Images, movie_json
from marquee.catalog.v1 import catalog_pb2 as pb
from marquee.catalog.v1 import catalog_pb2_grpc

_CARDS = 20_000
_CARD_SECONDS = 300.0
_CONFIGURATION_SECONDS = 600.0
_BATCH = 500

Card = orjson.Fragment

log = structlog.get_logger()


class Configuration:
    """What the catalog says of its images, asked every ten minutes and when it has changed: once
    for all who want it, and nobody waits whose answer is merely old."""

    def __init__(
        self,
        catalog: "catalog_pb2_grpc.CatalogServiceAsyncStub",
        fresh_seconds: float = _CONFIGURATION_SECONDS,
    ) -> None:
        self._catalog = catalog
        self._images: Images | None = None
        self._fresh: Recent[str, bool] = Recent(1, fresh_seconds)
        self._asking: asyncio.Task[Images] | None = None

    async def images(self) -> Images:
        """How paths become URLs."""
        if self._images is None or not self._fresh.get("images"):
            asking = self._asked()
            return self._images or await asyncio.shield(asking)
        return self._images

    def forget(self) -> None:
        """It has changed: an answer from before, one under way too, serves nobody from now on."""
        self._images = self._asking = None

    def _asked(self) -> "asyncio.Task[Images]":
        """The question under way, begun if there is none."""
        if self._asking is None:
            self._asking = asyncio.create_task(self._fetch())
            self._asking.add_done_callback(self._answered)
        return self._asking

    def _answered(self, task: "asyncio.Task[Images]") -> None:
        if self._asking is task:
            self._asking = None
        if not task.cancelled() and (error := task.exception()):
            log.warning("catalog does not say how images are found", error=repr(error))

    async def _fetch(self) -> Images:
        reply = await self._catalog.GetConfiguration(pb.GetConfigurationRequest())
        images = Images(reply)
        if self._asking is asyncio.current_task():
            self._images = images
            self._fresh.put("images", value=True)
        return images


class Movies:
    """Cards of movies by id and language.

    Misses of one loop turn become one BatchGetMovies; catalog events drop what has changed.
    """

    def __init__(
        self, catalog: "catalog_pb2_grpc.CatalogServiceAsyncStub", configuration: Configuration
    ) -> None:
        self._catalog = catalog
        self._configuration = configuration
        self._cards: Recent[int, dict[str, Card | None]] = Recent(_CARDS, _CARD_SECONDS)
        self._wanted: dict[str, dict[int, asyncio.Future[Card | None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._changes = 0

    async def cards(self, movie_ids: Iterable[int], language: str) -> dict[int, Card]:
        """JSON of those that the catalog knows (removed ones as stubs)."""
        wanted = list(dict.fromkeys(movie_ids))
        found = {movie_id: self._kept(movie_id, language) for movie_id in wanted}
        missing = [movie_id for movie_id, card in found.items() if card is _MISSING]
        if missing:
            await asyncio.wait(futures := [self._ask(one, language) for one in missing])
            found.update(zip(missing, [future.result() for future in futures], strict=True))
        return {movie_id: card for movie_id, card in found.items() if isinstance(card, Card)}

    def drop(self, movie_ids: Iterable[int]) -> None:
        """These have changed."""
        self._changes += 1
        for movie_id in movie_ids:
            self._cards.drop(movie_id)

    def clear(self) -> None:
        """Everything may have changed."""
        self._changes += 1
        self._cards.clear()

    def _kept(self, movie_id: int, language: str) -> Any:
        return (self._cards.get(movie_id) or {}).get(language, _MISSING)

    def _ask(self, movie_id: int, language: str) -> "asyncio.Future[Card | None]":
        waiting = self._wanted.setdefault(language, {})
        if not waiting:
            task = asyncio.create_task(self._fetch(language))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if movie_id not in waiting:
            waiting[movie_id] = asyncio.get_running_loop().create_future()
        return waiting[movie_id]

    async def _fetch(self, language: str) -> None:
        waiting = self._wanted.pop(language, {})
        changes = self._changes
        try:
            cards = await self._batches(list(waiting), language)
        except Exception as error:  # noqa: BLE001 - whoever waits for a card gets it
            for future in waiting.values():
                future.set_exception(error)
                future.exception()
            return
        for movie_id, future in waiting.items():
            card = cards.get(movie_id)
            if changes == self._changes:
                self._cards.put(movie_id, {**(self._cards.get(movie_id) or {}), language: card})
            future.set_result(card)

    async def _batches(self, movie_ids: list[int], language: str) -> Mapping[int, Card]:
        images = await self._configuration.images()
        found: dict[int, Card] = {}
        for start in range(0, len(movie_ids), _BATCH):
            request = pb.BatchGetMoviesRequest(
                movie_ids=movie_ids[start : start + _BATCH], language=language
            )
            reply = await self._catalog.BatchGetMovies(request)
            for movie in reply.movies:
                found[movie.movie_id] = Card(orjson.dumps(movie_json(movie, images)))
        return found


_MISSING = object()
