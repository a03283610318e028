"""The state folder of one suite: databases, logs, secrets, ports, status."""

import fcntl
import json
import os
import secrets
import shutil
import socket
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from launcher.settings import Failure

# Below every system's range of ports for outgoing connections: one of those could otherwise hold
# our port at the very moment of a restart.
FIRST_PORT = 20000
PORTS = 10000
# A folder given by mistake must survive a reset: only what is named here is removed.
OWN_FOLDERS = (
    "edge", "logs", "models", "postgres", "tmdb_standin", "valkey-cache", "valkey-streams",
)  # fmt: skip
OWN_FILES = (
    "credentials.json", "launcher.lock", "notes.json", "ports.json", "secrets.json", "status.json",
)  # fmt: skip


class State:
    """Files below one folder; everything secret is readable by the owner alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.credentials_path = folder / "credentials.json"
        self._lock: IO[str] | None = None

    def prepare(self) -> None:
        """Make the folders; what is in them belongs to this user alone."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.logs.mkdir(exist_ok=True)

    def remove(self) -> None:
        """Remove what a suite keeps here, and the folder itself when nothing else is in it."""
        for name in OWN_FOLDERS:
            shutil.rmtree(self.folder / name, ignore_errors=True)
        for name in OWN_FILES:
            (self.folder / name).unlink(missing_ok=True)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    # One launcher a folder. The kernel drops the lock when its holder dies, however it dies.

    def take(self) -> None:
        """Become the launcher of this state; Failure when there is one."""
        lock = self._lock_path.open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise Failure(
                f"already running (launcher {self.owner() or '?'}, state {self.folder}); "
                "see ./marquee status, stop it with ./marquee down"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def release(self) -> None:
        """Let another launcher have this state."""
        if self._lock is not None:
            self._lock.truncate(0)
            self._lock.close()
            self._lock = None

    def is_taken(self) -> bool:
        """Whether a launcher is running on this state."""
        if not self._lock_path.exists():
            return False
        with self._lock_path.open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def owner(self) -> int | None:
        """The running launcher's process id."""
        text = self._lock_path.read_text().strip() if self._lock_path.exists() else ""
        return int(text) if text.isdigit() else None

    # What is decided at the first start and then kept.

    def secret(self, name: str, *, size: int = 36) -> str:
        """A secret of so many random bytes that is made when first asked for."""
        return self._kept("secrets.json", name, lambda: secrets.token_urlsafe(size))

    def port(self, name: str) -> int:
        """This process's port, the same at every start."""
        return int(self._kept("ports.json", name, self._free_port))

    def forget_taken_ports(self) -> None:
        """At a start: ports that somebody else took meanwhile are chosen anew."""
        ports = self.read_json("ports.json")
        free = {name: port for name, port in ports.items() if is_free(int(port))}
        if free != ports:
            self.write_json("ports.json", free)

    def note(self, name: str) -> str:
        """A fact noted by an earlier run, or nothing."""
        return self.read_json("notes.json").get(name, "")

    def write_note(self, name: str, value: str) -> None:
        """Keep a fact for later runs."""
        self.write_json("notes.json", {**self.read_json("notes.json"), name: value})

    def read_json(self, name: str) -> dict[str, Any]:
        """A file of this folder; empty when it is not there."""
        path = self.folder / name
        return json.loads(path.read_text()) if path.exists() else {}

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Replace a file of this folder at once, so that a kill leaves the old or the new one."""
        fresh = self.folder / f".{name}.{os.getpid()}"
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(content, indent=2) + "\n")
        fresh.replace(self.folder / name)

    @property
    def _lock_path(self) -> Path:
        return self.folder / "launcher.lock"

    def _kept(self, file: str, name: str, make: Callable[[], str]) -> str:
        content = self.read_json(file)
        if name not in content:
            content[name] = make()
            self.write_json(file, content)
        return content[name]

    def _free_port(self) -> str:
        used = set(self.read_json("ports.json").values())
        start = zlib.crc32(str(self.folder).encode()) % PORTS
        for offset in range(PORTS):
            port = FIRST_PORT + (start + offset) % PORTS
            if str(port) not in used and is_free(port):
                return str(port)
        raise Failure(f"no free port between {FIRST_PORT} and {FIRST_PORT + PORTS}")


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections of a server that has just ended are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
