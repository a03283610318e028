"""What the launcher is told by its environment, read once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_PORT = 8000
DEFAULT_CATALOG_SIZE = 5000


class Failure(Exception):
    """A reason to stop, written for the person at the terminal."""


class Usage(Exception):
    """A command called in another way than this."""


@dataclass(frozen=True)
class LocalSettings:
    """Where one suite lives, and what it uses instead of its own servers."""

    checkout: Path
    state: Path
    port: int
    database_admin_url: str
    redis_streams_url: str
    redis_cache_url: str
    tmdb_read_token: str
    tmdb_api_key: str
    catalog_size: int
    log_level: str

    @property
    def has_tmdb_key(self) -> bool:
        """Whether the catalogue comes from TMDb rather than from the stand-in."""
        return bool(self.tmdb_read_token or self.tmdb_api_key)


def read_settings(environment: Mapping[str, str] = os.environ) -> LocalSettings:
    """Settings from environment variables; Failure names the one that is wrong."""
    checkout = Path(environment.get("MARQUEE_CHECKOUT") or Path(__file__).parents[4]).resolve()
    state = environment.get("MARQUEE_STATE") or checkout / ".marquee" / "state"
    return LocalSettings(
        checkout=checkout,
        state=Path(state).expanduser().resolve(),
        port=_number(environment, "MARQUEE_PORT", DEFAULT_PORT, most=65535),
        database_admin_url=environment.get("DATABASE_ADMIN_URL", ""),
        redis_streams_url=environment.get("REDIS_STREAMS_URL", ""),
        redis_cache_url=environment.get("REDIS_CACHE_URL", ""),
        tmdb_read_token=environment.get("TMDB_READ_TOKEN", ""),
        tmdb_api_key=environment.get("TMDB_API_KEY", ""),
        catalog_size=_number(
            environment, "MARQUEE_CATALOG_SIZE", DEFAULT_CATALOG_SIZE, most=20_000_000
        ),
        log_level=environment.get("LOG_LEVEL", "INFO"),
    )


def _number(environment: Mapping[str, str], name: str, default: int, *, most: int) -> int:
    given = environment.get(name) or str(default)
    if not given.isascii() or not given.isdigit() or not 1 <= int(given) <= most:
        raise Failure(f"{name} must be a whole number from 1 to {most}, not {given!r}")
    return int(given)
