"""What one request meets, drawn when it comes: the order of requests decides, not of answers."""

import gzip
from dataclasses import dataclass

from tmdb_standin.drawing import share
from tmdb_standin.faults import Faults

LIMITED, FAILED, SLOW, STALE = 74, 75, 76, 77
TRUNCATED, CORRUPT_GZIP, GZIP = 81, 82, 83
ALLOWED_BY_TMDB = 40


@dataclass(frozen=True, slots=True)
class Fate:
    """The faults of one request; none by default."""

    delay_seconds: float = 0.0
    limit: int = 0
    """That which the request is over, if it is."""
    error: int = 0
    """The status of the server error that it meets, if it does."""
    stale_seconds: int = 0
    truncated: bool = False
    corrupt_gzip: bool = False
    gzipped: bool = False

    def encode(self, body: bytes) -> tuple[bytes, bool]:
        """The bytes to send, and whether they claim to be gzip."""
        if self.truncated:
            return body[: len(body) // 2], False
        if self.corrupt_gzip:
            packed = gzip.compress(body, 1)
            return packed[: len(packed) // 2], True
        return (gzip.compress(body, 1), True) if self.gzipped else (body, False)


SPARED = Fate()


def draw(faults: Faults, seed: int, number: int, in_this_second: int) -> Fate:
    """The fate of the n-th request; what is meant for the next few is used up."""

    def strikes(rate: float, kind: int) -> bool:
        return rate > 0 and share(seed, kind, number) < rate

    slow = faults.delay_milliseconds > 0 and strikes(faults.slow_rate, SLOW)
    limit = _limit(faults, in_this_second, by_chance=strikes(faults.rate_limited_rate, LIMITED))
    failed = not limit and (faults.error_next > 0 or strikes(faults.error_rate, FAILED))
    if failed:
        faults.error_next = max(0, faults.error_next - 1)
    return Fate(
        delay_seconds=faults.delay_milliseconds / 1000 if slow else 0.0,
        limit=limit,
        error=faults.error_status if failed else 0,
        stale_seconds=faults.stale_seconds if strikes(faults.stale_rate, STALE) else 0,
        truncated=strikes(faults.truncated_rate, TRUNCATED),
        corrupt_gzip=strikes(faults.corrupt_gzip_rate, CORRUPT_GZIP),
        gzipped=strikes(faults.gzip_rate, GZIP),
    )


def _limit(faults: Faults, in_this_second: int, *, by_chance: bool) -> int:
    limit = faults.rate_limit_per_second
    if (limit and in_this_second > limit) or by_chance:
        return limit or ALLOWED_BY_TMDB
    if faults.rate_limited_next:
        faults.rate_limited_next -= 1
        return ALLOWED_BY_TMDB
    return 0
