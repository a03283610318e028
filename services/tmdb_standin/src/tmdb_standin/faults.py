"""Everything that can go wrong at TMDb, switchable while the stand-in runs."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MovieId = Annotated[int, Field(ge=1, lt=1 << 63)]
YEAR_SECONDS = 366 * 86400
Rate = Annotated[float, Field(ge=0.0, le=1.0)]
ALTERING_MOVIES = (
    "null_rate", "corrupt_rate", "corrupt_ids", "deleted_rate", "deleted_ids", "duplicate_rate",
    "drift",
)  # fmt: skip
MEETING_REQUESTS = (
    "rate_limit_per_second", "rate_limited_next", "rate_limited_rate", "error_next", "error_rate",
    "delay_milliseconds", "stale_rate", "truncated_rate", "gzip_rate", "corrupt_gzip_rate",
)  # fmt: skip


class Faults(BaseModel):
    """What is switched on."""

    model_config = ConfigDict(extra="forbid")

    only: str = Field(
        default="/3/",
        description="what meets requests does so only on paths that start like this; what alters"
        " movies and lists, and refused tokens, do everywhere",
    )
    rate_limit_per_second: int = Field(
        default=0, ge=0, description="429 beyond this many requests in any one second; 0 is off"
    )
    rate_limited_next: int = Field(default=0, ge=0, description="429 for the next n requests")
    rate_limited_rate: Rate = Field(default=0.0, description="share of requests answered with 429")
    retry_after: Literal["none", "seconds", "date"] = Field(
        default="none", description="whether and how a 429 says Retry-After"
    )
    retry_after_seconds: int = Field(
        default=1, ge=0, le=YEAR_SECONDS, description="what Retry-After says"
    )
    error_next: int = Field(default=0, ge=0, description="a server error for the next n requests")
    error_rate: Rate = Field(default=0.0, description="share of requests that meet a server error")
    error_status: Literal[500, 502, 503, 504] = Field(default=503, description="which error")
    refuse_tokens: bool = Field(default=False, description="every token is refused with 401")
    delay_milliseconds: int = Field(
        default=0, ge=0, le=YEAR_SECONDS * 1000, description="wait before a slow answer"
    )
    slow_rate: Rate = Field(default=1.0, description="share of requests that are slow")
    stale_rate: Rate = Field(default=0.0, description="share of answers that are stale")
    stale_seconds: int = Field(
        default=14400,
        ge=0,
        le=YEAR_SECONDS,
        description="how old a stale movie is; told by Age and x-memc-age",
    )
    duplicate_rate: Rate = Field(
        default=0.0, description="share of list entries that repeat an earlier page"
    )
    drift: int = Field(
        default=0,
        ge=0,
        lt=20,
        description="entries pushed in on top from list page to page; fewer than are on one",
    )
    null_rate: Rate = Field(default=0.0, description="share of (movie, field) that is empty")
    null_change_rate: Rate = Field(
        default=0.0, description="share of change entries without id and adult"
    )
    corrupt_rate: Rate = Field(default=0.0, description="share of movie ids whose body is broken")
    corrupt_ids: list[MovieId] = Field(default=[], description="movie ids whose body is broken")
    deleted_rate: Rate = Field(default=0.0, description="share of movie ids that are gone")
    deleted_ids: list[MovieId] = Field(default=[], description="movie ids that are gone")
    truncated_rate: Rate = Field(
        default=0.0, description="share of bodies that end half way (no valid JSON)"
    )
    gzip_rate: Rate = Field(
        default=0.0, description="share of bodies gzipped without having been asked"
    )
    corrupt_gzip_rate: Rate = Field(
        default=0.0, description="share of bodies that claim gzip and break half way"
    )
