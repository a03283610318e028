"""The faults that are on, and whom they meet: which requests, which movies."""

from dataclasses import dataclass
from typing import Any

from tmdb_standin.drawing import mix, share
from tmdb_standin.fate import SPARED, Fate, draw
from tmdb_standin.faults import ALTERING_MOVIES, MEETING_REQUESTS, Faults

Json = dict[str, Any]

CORRUPT, DELETED, NULLED = 71, 72, 73
_HOW = 1
NULLABLE: dict[str, object] = {
    "poster_path": None, "backdrop_path": None, "imdb_id": None, "release_date": "",
    "overview": "", "popularity": None, "runtime": 0, "budget": 0, "tagline": None,
    "homepage": None, "genres": [], "genre_ids": [],
}  # fmt: skip
CORRUPTIONS = (
    "id_missing", "title_not_text", "genres_not_list", "release_date_impossible",
    "runtime_not_number", "budget_not_number", "body_not_object",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chosen:
    """The movies that one fault has chosen, while it is switched as it is."""

    seed: int
    kind: int
    rate: float
    named: frozenset[int]

    def __contains__(self, movie_id: int) -> bool:
        by_chance = self.rate > 0 and share(self.seed, self.kind, movie_id) < self.rate
        return by_chance or movie_id in self.named


class FaultBox:
    """The faults that are on, and how often they have been consulted."""

    def __init__(self, seed: int, faults: Faults) -> None:
        self._seed = seed
        self.switch(faults)

    def switch(self, faults: Faults) -> None:
        """Switch to these faults; counters start again so that the same run repeats."""
        self.faults = faults
        self.requests = 0
        self.corrupt = self._chosen(CORRUPT, faults.corrupt_rate, faults.corrupt_ids)
        """Movies whose body is broken, on every request."""
        self.deleted = self._chosen(DELETED, faults.deleted_rate, faults.deleted_ids)
        """Movies that are gone."""
        self.alters_movies = any(getattr(faults, name) for name in ALTERING_MOVIES)
        """Whether a movie's answer may say something else than without faults."""
        self._meets_requests = any(getattr(faults, name) for name in MEETING_REQUESTS)

    def meet(self, path: str, in_this_second: int) -> Fate:
        """What a request that has just come meets."""
        if not path.startswith(self.faults.only):
            return SPARED
        self.requests += 1
        if not self._meets_requests:
            return SPARED
        return draw(self.faults, self._seed, self.requests, in_this_second)

    def _chosen(self, kind: int, rate: float, named: list[int]) -> Chosen:
        return Chosen(self._seed, kind, rate, frozenset(named))

    def corruption(self, movie_id: int) -> str:
        """How this movie's body is broken."""
        return CORRUPTIONS[mix(self._seed, CORRUPT, _HOW, movie_id) % len(CORRUPTIONS)]

    def spoil(self, body: Json, movie_id: int) -> Json | list[Json]:
        """The broken body of a corrupt movie."""
        match self.corruption(movie_id):
            case "id_missing":
                return {name: value for name, value in body.items() if name != "id"}
            case "title_not_text":
                return body | {"title": {"text": body["title"]}}
            case "genres_not_list":
                return body | {"genres": "Drama"}
            case "release_date_impossible":
                return body | {"release_date": "2020-13-45"}
            case "runtime_not_number":
                return body | {"runtime": {"minutes": body["runtime"]}}
            case "budget_not_number":
                return body | {"budget": "a fortune"}
            case _:
                return [body]

    def empty(self, body: Json, movie_id: int) -> Json:
        """The body with a share of its nullable fields empty."""
        rate = self.faults.null_rate
        if not rate:
            return body
        emptied = {
            name: value
            for number, (name, value) in enumerate(NULLABLE.items())
            if name in body and share(self._seed, NULLED, movie_id, number) < rate
        }
        return body | emptied
