"""The switches, outside /3 and without a token: faults, edits, the clock, health."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tmdb_standin.answer import Answer, json_answer
from tmdb_standin.clock import Moment, Unshown
from tmdb_standin.faultbox import Chosen
from tmdb_standin.faults import Faults, MovieId
from tmdb_standin.meter import Meter
from tmdb_standin.vocabulary import FIRST_ID
from tmdb_standin.world import World

Json = dict[str, Any]

REPORTED_IDS = 10_000
LOOKED_AT_ONCE = 1000
MOST_EDITS = 100_000
CENTURIES_SECONDS = 4e10


class Impossible(Exception):
    """What was wished for cannot be had from this catalogue."""


class EditsWanted(BaseModel):
    """Edits to make now: one of each of these ids, and of the next so many movies."""

    model_config = ConfigDict(extra="forbid")

    ids: list[MovieId] = []
    count: int = Field(default=0, ge=0, le=MOST_EDITS)


class ClockWanted(BaseModel):
    """A moment to stand still at, or seconds to move on."""

    model_config = ConfigDict(extra="forbid")

    now: Moment | None = None
    advance_seconds: float = Field(default=0, ge=-CENTURIES_SECONDS, le=CENTURIES_SECONDS)


class Admin:
    """What the endpoints under /_ do."""

    def __init__(self, world: World, meter: Meter) -> None:
        self._world = world
        self._meter = meter
        self._listed: dict[Chosen, list[int]] = {}
        self._actions: dict[tuple[str, str], Callable[[bytes], Awaitable[Json]]] = {
            ("GET", "/_health"): self._health,
            ("GET", "/_faults"): self._report,
            ("PUT", "/_faults"): self._switch,
            ("DELETE", "/_faults"): self._switch_off,
            ("POST", "/_edits"): self._edit,
            ("GET", "/_clock"): self._clock,
            ("PUT", "/_clock"): self._set_clock,
            ("DELETE", "/_clock"): self._free_clock,
        }

    async def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Answer one request to a switch."""
        action = self._actions.get((method, path))
        if action is None:
            return json_answer({"error": f"no such switch: {method} {path}"}, 404)
        try:
            return json_answer(await action(body))
        except ValidationError as error:
            told = error.json(include_context=False, include_input=False)
            return json_answer({"error": orjson.loads(told)}, 422)
        except (Unshown, Impossible) as error:
            return json_answer({"error": str(error)}, 422)

    async def _health(self, _body: bytes = b"") -> Json:
        return {"status": "ok", "size": self._world.catalogue.size}

    async def _report(self, _body: bytes = b"") -> Json:
        box, meter = self._world.faults, self._meter
        faults, corrupt, deleted = box.faults, box.corrupt, box.deleted
        return {
            "faults": faults.model_dump(),
            "corrupt_ids": {str(one): box.corruption(one) for one in await self._list(corrupt)},
            "deleted_ids": await self._list(deleted),
            "requests": meter.requests,
            "busiest_second": meter.busiest_second,
            "prepared": meter.prepared,
            "movie_query": meter.movie_query,
            "statuses": {str(status): count for status, count in meter.statuses.items()},
        }

    async def _list(self, chosen: Chosen) -> list[int]:
        """The first ids a fault has chosen; whoever else asks is answered while they are found."""
        if chosen not in self._listed:
            self._listed[chosen] = await self._find(chosen)
        return self._listed[chosen]

    async def _find(self, chosen: Chosen) -> list[int]:
        size, found = self._world.catalogue.size, list[int]()
        ids = range(FIRST_ID, FIRST_ID + size) if chosen.rate else sorted(chosen.named)
        for start in range(0, len(ids), LOOKED_AT_ONCE):
            found += [one for one in ids[start : start + LOOKED_AT_ONCE] if one in chosen]
            if len(found) >= REPORTED_IDS:
                break
            await asyncio.sleep(0)
        return found[:REPORTED_IDS]

    async def _switch(self, body: bytes) -> Json:
        self._world.faults.switch(Faults.model_validate_json(body or b"{}"))
        self._meter.reset()
        self._listed = {}
        return await self._report()

    async def _switch_off(self, _body: bytes) -> Json:
        return await self._switch(b"{}")

    async def _edit(self, body: bytes) -> Json:
        wanted = EditsWanted.model_validate_json(body or b"{}")
        catalogue, revisions = self._world.catalogue, self._world.revisions
        if unknown := [one for one in wanted.ids if catalogue.index_of(one) is None]:
            raise Impossible(f"no such movies: {', '.join(map(str, unknown[:REPORTED_IDS]))}")
        named = [movie_id - FIRST_ID for movie_id in wanted.ids]
        indexes = list(dict.fromkeys([*named, *revisions.next_targets(wanted.count)]))
        now = self._world.clock.now()
        revisions.make(indexes, now)
        edited = {str(FIRST_ID + n): revisions.latest_kind(n, now) for n in indexes}
        return {"edited": edited, "at": now.isoformat()}

    async def _clock(self, _body: bytes = b"") -> Json:
        moment: datetime = self._world.clock.now()
        return {"now": moment.isoformat(), "frozen": self._world.clock.is_frozen}

    async def _set_clock(self, body: bytes) -> Json:
        wanted = ClockWanted.model_validate_json(body or b"{}")
        if wanted.now is not None:
            self._world.clock.freeze(wanted.now)
        if wanted.advance_seconds:
            self._world.clock.advance(wanted.advance_seconds)
        return await self._clock()

    async def _free_clock(self, _body: bytes) -> Json:
        self._world.clock.freeze(None)
        return await self._clock()
