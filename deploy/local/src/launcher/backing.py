"""The servers under the services: PostgreSQL and two Valkeys, ours or given ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from chassis.embedded import EmbeddedPostgres, EmbeddedValkey
from launcher import databases
from launcher.probes import Probe, answers
from launcher.settings import LocalSettings
from launcher.state import State
from launcher.units import Server, Unit

SERVICES = ("users", "catalog", "interactions", "recommender", "analytics")


@dataclass(frozen=True)
class Backing:
    """Where services find them."""

    database_urls: Mapping[str, str]
    redis_streams_url: str
    redis_cache_url: str


class Servers:
    """What has to be started, and the addresses of it all once that was done."""

    def __init__(self, settings: LocalSettings, state: State) -> None:
        self._settings = settings
        self._state = state
        # Eviction is a matter of the whole instance: events may never be evicted, caches must.
        self._streams = EmbeddedValkey(
            settings.state / "valkey-streams",
            state.port("valkey-streams"),
            maxmemory_policy="noeviction",
            append_only=True,
            maxmemory="1gb",
        )
        self._cache = EmbeddedValkey(
            settings.state / "valkey-cache",
            state.port("valkey-cache"),
            maxmemory_policy="allkeys-lru",
            maxmemory="256mb",
        )
        self._postgres = EmbeddedPostgres(settings.state / "postgres", state.port("postgres"))

    @property
    def units(self) -> list[Unit]:
        """Those of ours that nothing given replaces."""
        given = self._settings
        units: list[Unit] = []
        if not given.redis_streams_url:
            units.append(Server("valkey-streams", self._streams))
        if not given.redis_cache_url:
            units.append(Server("valkey-cache", self._cache))
        if not given.database_admin_url:
            units.append(Server("postgres", self._postgres))
        return units

    def probes(self) -> dict[str, Probe]:
        """Whether each of ours answers, asked from another process than the one that started it."""
        servers = {
            "valkey-streams": self._streams,
            "valkey-cache": self._cache,
            "postgres": self._postgres,
        }
        return {name: partial(answers, server.ready) for name, server in servers.items()}

    def backing(self) -> Backing:
        """Every service's addresses; ours have passwords only after their first start."""
        return Backing(
            database_urls={
                name: databases.url_of(self._admin_url, name, password)
                for name, password in self._passwords().items()
            },
            redis_streams_url=self._settings.redis_streams_url or self._streams.url,
            redis_cache_url=self._settings.redis_cache_url or self._cache.url,
        )

    def prepare_databases(self) -> None:
        """Make the roles and databases that are missing."""
        ours = not self._settings.database_admin_url
        databases.prepare(self._admin_url, self._passwords(), ours=ours)

    @property
    def _admin_url(self) -> str:
        return self._settings.database_admin_url or self._postgres.url

    def _passwords(self) -> dict[str, str]:
        return {name: self._state.secret(f"database_{name}") for name in SERVICES}
