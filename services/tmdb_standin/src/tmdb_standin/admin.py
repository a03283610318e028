"""The switches, outside /3 and without a token: faults, edits, the clock, health."""

from datetime import datetime
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tmdb_standin.answer import Answer, json_answer
from tmdb_standin.clock import Moment, Unshown
from tmdb_standin.faults import Faults, MovieId
from tmdb_standin.meter import Meter
from tmdb_standin.vocabulary import FIRST_ID
from tmdb_standin.world import World

REPORTED_IDS = 10_000
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
        self._actions = {
            ("GET", "/_health"): lambda _body: {"status": "ok", "size": world.catalogue.size},
            ("GET", "/_faults"): lambda _body: self._report(),
            ("PUT", "/_faults"): self._switch,
            ("DELETE", "/_faults"): lambda _body: self._switch(b"{}"),
            ("POST", "/_edits"): self._edit,
            ("GET", "/_clock"): lambda _body: self._clock(),
            ("PUT", "/_clock"): self._set_clock,
            ("DELETE", "/_clock"): self._free_clock,
        }

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Answer one request to a switch."""
        action = self._actions.get((method, path))
        if action is None:
            return json_answer({"error": f"no such switch: {method} {path}"}, 404)
        try:
            return json_answer(action(body))
        except ValidationError as error:
            told = error.json(include_context=False, include_input=False)
            return json_answer({"error": orjson.loads(told)}, 422)
        except (Unshown, Impossible) as error:
            return json_answer({"error": str(error)}, 422)

    def _report(self) -> dict[str, Any]:
        box, meter = self._world.faults, self._meter
        return {
            "faults": box.faults.model_dump(),
            "corrupt_ids": {
                str(movie_id): box.corruption(movie_id)
                for movie_id in self._chosen(box.is_corrupt, box.faults.corrupt_rate)
            },
            "deleted_ids": self._chosen(box.is_deleted, box.faults.deleted_rate),
            "requests": meter.requests,
            "busiest_second": meter.busiest_second,
            "prepared": meter.prepared,
            "movie_query": meter.movie_query,
            "statuses": {str(status): count for status, count in meter.statuses.items()},
        }

    def _chosen(self, is_chosen: Any, rate: float) -> list[int]:
        """The first ids a fault has chosen; only named ids when it has no rate."""
        faults, size = self._world.faults.faults, self._world.catalogue.size
        named = [*faults.corrupt_ids, *faults.deleted_ids]
        candidates = range(FIRST_ID, FIRST_ID + size) if rate else sorted(set(named))
        chosen: list[int] = []
        for movie_id in candidates:
            if is_chosen(movie_id):
                chosen.append(movie_id)
                if len(chosen) == REPORTED_IDS:
                    break
        return chosen

    def _switch(self, body: bytes) -> dict[str, Any]:
        self._world.faults.switch(Faults.model_validate_json(body or b"{}"))
        self._meter.reset()
        return self._report()

    def _edit(self, body: bytes) -> dict[str, Any]:
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

    def _clock(self) -> dict[str, Any]:
        moment: datetime = self._world.clock.now()
        return {"now": moment.isoformat(), "frozen": self._world.clock.is_frozen}

    def _set_clock(self, body: bytes) -> dict[str, Any]:
        wanted = ClockWanted.model_validate_json(body or b"{}")
        if wanted.now is not None:
            self._world.clock.freeze(wanted.now)
        if wanted.advance_seconds:
            self._world.clock.advance(wanted.advance_seconds)
        return self._clock()

    def _free_clock(self, body: bytes) -> dict[str, Any]:
        del body  # nothing to say
        self._world.clock.freeze(None)
        return self._clock()
