"""Everything that can go wrong at TMDb, switchable while the stand-in runs."""

import gzip
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tmdb_standin.drawing import mix, share

Json = dict[str, Any]
MovieId = Annotated[int, Field(ge=1, lt=1 << 63)]
YEAR_SECONDS = 366 * 86400
Rate = Field(default=0.0, ge=0.0, le=1.0)

CORRUPT, DELETED, NULLED = 71, 72, 73
NULLABLE: dict[str, object] = {
    "poster_path": None, "backdrop_path": None, "imdb_id": None, "release_date": "",
    "overview": "", "popularity": None, "runtime": 0, "budget": 0, "tagline": None,
    "homepage": None, "genres": [], "genre_ids": [],
}  # fmt: skip
ALTERING_MOVIES = (
    "null_rate", "corrupt_rate", "corrupt_ids", "deleted_rate", "deleted_ids", "duplicate_rate",
    "drift",
)  # fmt: skip
CORRUPTIONS = (
    "id_missing", "title_not_text", "genres_not_list", "release_date_impossible",
    "runtime_not_number", "budget_not_number", "body_not_object",
)  # fmt: skip


class Faults(BaseModel):
    """What is switched on. A rate is the share of requests, or of ids where it says so."""

    model_config = ConfigDict(extra="forbid")

    only: str = Field(default="/3/", description="faults meet only paths that start like this")
    rate_limit_per_second: int = Field(
        default=0, ge=0, description="429 beyond this many requests in any one second; 0 is off"
    )
    rate_limited_next: int = Field(default=0, ge=0, description="429 for the next n requests")
    rate_limited_rate: float = Rate
    retry_after: Literal["none", "seconds", "date"] = Field(
        default="none", description="whether and how a 429 says Retry-After"
    )
    retry_after_seconds: int = Field(
        default=1, ge=0, le=YEAR_SECONDS, description="what Retry-After says"
    )
    error_next: int = Field(default=0, ge=0, description="a server error for the next n requests")
    error_rate: float = Rate
    error_status: Literal[500, 502, 503, 504] = Field(default=503, description="which error")
    refuse_tokens: bool = Field(default=False, description="every token is refused with 401")
    delay_milliseconds: int = Field(
        default=0, ge=0, le=YEAR_SECONDS * 1000, description="wait before a slow answer"
    )
    slow_rate: float = Field(default=1.0, ge=0.0, le=1.0, description="share that is slow")
    stale_rate: float = Rate
    stale_seconds: int = Field(
        default=14400,
        ge=0,
        le=YEAR_SECONDS,
        description="how old a stale movie is; told by Age and x-memc-age",
    )
    duplicate_rate: float = Field(
        default=0.0, ge=0.0, le=1.0, description="share of list entries that repeat an earlier page"
    )
    drift: int = Field(default=0, ge=0, description="entries pushed in on top between list pages")
    null_rate: float = Field(
        default=0.0, ge=0.0, le=1.0, description="share of (movie, field) that is empty"
    )
    null_change_rate: float = Field(
        default=0.0, ge=0.0, le=1.0, description="share of change entries without id and adult"
    )
    corrupt_rate: float = Field(
        default=0.0, ge=0.0, le=1.0, description="share of movie ids whose body is broken"
    )
    corrupt_ids: list[MovieId] = Field(default=[], description="movie ids whose body is broken")
    deleted_rate: float = Field(
        default=0.0, ge=0.0, le=1.0, description="share of movie ids that are gone"
    )
    deleted_ids: list[MovieId] = Field(default=[], description="movie ids that are gone")
    truncated_rate: float = Field(
        default=0.0, ge=0.0, le=1.0, description="bodies that end half way (no valid JSON)"
    )
    gzip_rate: float = Field(
        default=0.0, ge=0.0, le=1.0, description="bodies gzipped without having been asked"
    )
    corrupt_gzip_rate: float = Field(
        default=0.0, ge=0.0, le=1.0, description="bodies that claim gzip and break half way"
    )


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
        self.lists_served = 0
        self.corrupt = self._chosen(CORRUPT, faults.corrupt_rate, faults.corrupt_ids)
        """Movies whose body is broken, on every request."""
        self.deleted = self._chosen(DELETED, faults.deleted_rate, faults.deleted_ids)
        """Movies that are gone."""
        self.alters_movies = any(getattr(faults, name) for name in ALTERING_MOVIES)
        """Whether a movie's answer may say something else than without faults."""

    def strikes(self, rate: float, kind: int) -> bool:
        """Whether this request is one of the unlucky share."""
        return rate > 0 and share(self._seed, kind, self.requests) < rate

    def concerns(self, path: str) -> bool:
        """Whether faults are meant for this path."""
        return path.startswith(self.faults.only)

    def _chosen(self, kind: int, rate: float, named: list[int]) -> Chosen:
        return Chosen(self._seed, kind, rate, frozenset(named))

    def corruption(self, movie_id: int) -> str:
        """How this movie's body is broken."""
        return CORRUPTIONS[mix(self._seed, CORRUPT, 1, movie_id) % len(CORRUPTIONS)]

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

    def encode(self, body: bytes) -> tuple[bytes, bool]:
        """The bytes to send, and whether they claim to be gzip."""
        if self.strikes(self.faults.truncated_rate, 81):
            return body[: len(body) // 2], False
        if self.strikes(self.faults.corrupt_gzip_rate, 82):
            packed = gzip.compress(body, 1)
            return packed[: len(packed) // 2], True
        if self.strikes(self.faults.gzip_rate, 83):
            return gzip.compress(body, 1), True
        return body, False
