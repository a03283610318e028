"""The process table: every program of the suite, with its environment and what proves it ready."""

import sys
from importlib.util import find_spec
from pathlib import Path

from launcher.backing import SERVICES, Backing
from launcher.children import python
from launcher.edge import STATIC, write_configuration
from launcher.probes import Probe, grpc_health, http_ok, listens
from launcher.settings import Failure, LocalSettings
from launcher.state import State
from launcher.units import ProgramSpec

ROLES = ("serve", "background", "work")
# Where few cores serve everybody, what somebody waits for goes before jobs: the first sync alone
# would fill two. Not events: their transactions hold rows that answers need.
JOBS_NICENESS = 10
# Any service could: the beat only sends ticks.
BEAT = "users"
STAND_IN = "tmdb_standin"
EDGE = "edge"
TRAEFIK = Path(sys.executable).parent / "traefik"


class Suite:
    """Environments and programs of one suite, from its settings, state and servers."""

    def __init__(self, settings: LocalSettings, state: State, backing: Backing) -> None:
        self._settings = settings
        self._state = state
        self._backing = backing

    def programs(self) -> list[list[ProgramSpec]]:
        """All programs, by the stage in which they are stopped (the last stage first)."""
        missing = [name for name in (*SERVICES, "gateway", STAND_IN) if find_spec(name) is None]
        if missing:
            raise Failure(f"not installed: {', '.join(missing)}")
        services = [self._program(name, role) for role in ROLES for name in SERVICES]
        stand_in = [] if self._settings.has_tmdb_key else [self._stand_in()]
        return [[*stand_in, *services, self._beat()], [self._gateway()], [self._traefik()]]

    def write_files(self) -> None:
        """Write what programs read from files: Traefik's configuration."""
        folder = self._state.folder / EDGE
        gateway_port = self._state.port("gateway")
        write_configuration(folder, port=self._settings.port, gateway_port=gateway_port)

    def environment(self, service: str) -> dict[str, str]:
        """What a service, in whatever role or command, is told."""
        own = {"catalog": self._catalog, "users": self._users, "recommender": self._recommender}
        return {
            "DATABASE_URL": self._backing.database_urls[service],
            "GRPC_LISTEN": self._address(service),
            **self._common(),
            **(own[service]() if service in own else {}),
        }

    def base_url(self) -> str:
        """Where the suite is reached from outside."""
        return f"http://127.0.0.1:{self._settings.port}"

    def _program(self, service: str, role: str) -> ProgramSpec:
        name = f"{service}.{role}"
        metrics = self._state.port(f"{name}.metrics")
        serves = role == "serve"
        port = self._state.port(service) if serves else None
        probe: Probe = grpc_health(port) if port else listens(metrics)
        return ProgramSpec(
            name=name,
            command=python("-m", service, role),
            module=(service, role),
            probe=probe,
            environment={**self.environment(service), **self._metrics(name)},
            port=port,
            niceness=JOBS_NICENESS if role == "work" else 0,
        )

    def _beat(self) -> ProgramSpec:
        name = "beat"
        return ProgramSpec(
            name=name,
            command=python("-m", BEAT, "beat"),
            module=(BEAT, "beat"),
            probe=listens(self._state.port(f"{name}.metrics")),
            environment={
                **self.environment(BEAT),
                **self._metrics(name),
                "BEAT_SERVICES": ",".join(SERVICES),
            },
        )

    def _gateway(self) -> ProgramSpec:
        port = self._state.port("gateway")
        return ProgramSpec(
            name="gateway",
            command=python("-m", "gateway", "serve"),
            module=("gateway", "serve"),
            probe=http_ok(f"http://127.0.0.1:{port}/readyz"),
            environment={
                **self._common(),
                **self._metrics("gateway"),
                "HTTP_LISTEN": f"127.0.0.1:{port}",
            },
            port=port,
        )

    def _traefik(self) -> ProgramSpec:
        return ProgramSpec(
            name="traefik",
            command=[str(TRAEFIK), f"--configfile={self._state.folder / EDGE / STATIC}"],
            probe=http_ok(f"{self.base_url()}/healthz"),
            port=self._settings.port,
        )

    def _stand_in(self) -> ProgramSpec:
        port = self._state.port(STAND_IN)
        return ProgramSpec(
            name=STAND_IN,
            command=python("-m", STAND_IN, "serve"),
            probe=listens(port),
            environment={
                "STANDIN_TOKEN": self._state.secret("standin_token"),
                "STANDIN_PORT": str(port),
                "STANDIN_SIZE": str(self._settings.catalog_size),
                "STANDIN_EXPORT_FOLDER": str(self._state.folder / STAND_IN),
            },
            port=port,
            # Only the sync asks it.
            niceness=JOBS_NICENESS,
        )

    def _common(self) -> dict[str, str]:
        return {
            "REDIS_STREAMS_URL": self._backing.redis_streams_url,
            "REDIS_CACHE_URL": self._backing.redis_cache_url,
            "INTERNAL_KEY": self._state.secret("internal_key"),
            "LOG_LEVEL": self._settings.log_level,
            **{f"{service.upper()}_ADDRESS": self._address(service) for service in SERVICES},
        }

    def _catalog(self) -> dict[str, str]:
        if self._settings.has_tmdb_key:
            return {
                "TMDB_READ_TOKEN": self._settings.tmdb_read_token,
                "TMDB_API_KEY": self._settings.tmdb_api_key,
            }
        stand_in = f"http://127.0.0.1:{self._state.port(STAND_IN)}"
        return {
            "CATALOG_SOURCE": "standin",
            "TMDB_BASE_URL": f"{stand_in}/3",
            "TMDB_EXPORT_URL": f"{stand_in}/p/exports",
            "TMDB_READ_TOKEN": self._state.secret("standin_token"),
            # TMDb's limits are no concern of our own stand-in.
            "TMDB_RATE": "1000",
        }

    def _users(self) -> dict[str, str]:
        return {"SIGNING_KEY_SECRET": self._state.secret("signing_key_secret")}

    def _recommender(self) -> dict[str, str]:
        return {"MODEL_STORE": f"file://{self._state.folder / 'models'}"}

    def _metrics(self, name: str) -> dict[str, str]:
        return {"METRICS_LISTEN": f"127.0.0.1:{self._state.port(f'{name}.metrics')}"}

    def _address(self, service: str) -> str:
        return f"127.0.0.1:{self._state.port(service)}"
