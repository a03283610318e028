"""Every setting of the catalog."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from chassis.settings import Listen, ServiceSettings


def _http_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    parts = urlsplit(value)
    if not parts.hostname or parts.port == 0:  # ValueError too where it is no number of a port
        raise ValueError("must name a host, and a port that there is")
    return value.rstrip("/")


HttpUrl = Annotated[str, AfterValidator(_http_url)]


class Settings(ServiceSettings):
    """Read once in __main__ and passed down."""

    grpc_listen: Listen = Field("127.0.0.1:50052", description="host:port the RPCs are served at")
    catalog_source: Literal["tmdb", "standin"] = Field(
        "tmdb", description="Written on every synced movie: TMDb itself or the stand-in"
    )
    tmdb_read_token: SecretStr = Field(
        SecretStr(""), description="TMDb v4 read token; this or the key is needed to sync"
    )
    tmdb_api_key: SecretStr = Field(
        SecretStr(""), description="TMDb v3 key, used when there is no token"
    )
    tmdb_base_url: HttpUrl = Field(
        "https://api.themoviedb.org/3", description="TMDb-compatible API, with its version"
    )
    tmdb_export_url: HttpUrl = Field(
        "https://files.tmdb.org/p/exports", description="Folder of the daily id exports"
    )
    tmdb_rate: int = Field(
        35, ge=1, le=100_000, description="Requests a second to TMDb at most; it allows about 40"
    )
    tmdb_connections: int = Field(
        20, ge=1, le=200, description="Connections to TMDb at most; it allows about 20"
    )
    tmdb_timeout_seconds: float = Field(
        60.0, gt=0, le=600, description="An answer that takes longer counts as none"
    )
    tmdb_attempts: int = Field(
        8, ge=1, le=20, description="Tries of one request before a run gives up for now"
    )
    tmdb_adult_export: bool = Field(
        default=True, description="Whether the census counts adult movies too"
    )
    tmdb_languages: str = Field(
        "de,es,fr,it,ja,ko,pt,zh",
        pattern=r"^([a-z]{2,3}(,[a-z]{2,3})*)?$",
        description="Languages besides English that genre names are fetched in",
    )
    sync_list_pages: int = Field(
        10, ge=1, le=500, description="Pages (of 20) of each ready-made list"
    )
    sync_batch_size: int = Field(500, ge=1, le=500, description="Movies written at once")
    sync_settle_seconds: int = Field(
        1200, ge=1, description="Wait before a body that came stale or not at all is asked again"
    )
    sync_refresh_after_days: int = Field(
        120, ge=1, le=150, description="Age at which a movie is fetched again for its votes"
    )
    sync_refresh_limit: int = Field(
        5000, ge=1, description="Movies one run of the refresh fetches at most"
    )
    sync_reference_seconds: int = Field(86400, ge=1, description="Time between reference runs")
    sync_census_seconds: int = Field(86400, ge=1, description="Time between censuses")
    sync_lists_seconds: int = Field(1800, ge=1, description="Time between runs of the lists")
    sync_backfill_seconds: int = Field(600, ge=1, description="Time between backfills")
    sync_delta_seconds: int = Field(900, ge=1, description="Time between looks at TMDb's changes")
    sync_refresh_seconds: int = Field(3600, ge=1, description="Time between rolling refreshes")
