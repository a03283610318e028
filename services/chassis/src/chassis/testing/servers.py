"""One PostgreSQL and one Valkey for a whole pytest run, started by whoever needs them first."""

import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from chassis.embedded import EmbeddedPostgres, EmbeddedValkey
from chassis.testing.waiting import eventually

PREFIX = "marquee-tests-"
START_SECONDS = 90.0
KEEPER_LOG = "keeper.log"
_LINES_SHOWN = 40


@dataclass(frozen=True)
class Servers:
    """The run's servers, as seen from any of its processes (none of which may stop them)."""

    folder: Path
    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey


class RunFolder:
    """The folder of one pytest run; while it is held, the run's servers live."""

    def __init__(self) -> None:
        sweep()
        draft = Path(tempfile.mkdtemp(prefix="marquee-draft-"))
        self._owner: IO[str] = (draft / "owner").open("a")
        fcntl.flock(self._owner, fcntl.LOCK_EX)
        self.path = draft.with_name(PREFIX + draft.name.removeprefix("marquee-draft-"))
        draft.rename(self.path)

    def release(self) -> None:
        """Let the keeper end the servers; without one, remove the folder here."""
        if not (self.path / "keeper").exists():
            shutil.rmtree(self.path, ignore_errors=True)
        self._owner.close()


def sweep() -> None:
    """Remove what runs left behind whose every process was killed."""
    for folder in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        try:
            with (folder / "owner").open("a") as owner:
                fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # alive, another user's, or gone meanwhile


def servers_in(folder: Path) -> Servers:
    """The servers of the run, started now if nobody needed them before."""
    with locked(folder / "starting"):
        if not (folder / "keeper").exists():
            _start_keeper(folder)
    with suppress(AssertionError):
        eventually(lambda: _announced(folder) or not _keeps(folder), within=START_SECONDS)
    if not (folder / "ready").exists():
        log = (folder / KEEPER_LOG).read_text(errors="replace").splitlines()
        said = "\n".join(log[-_LINES_SHOWN:]) or "(their keeper said nothing)"
        raise RuntimeError(f"the servers of the tests did not start:\n{said}")
    postgres_port, valkey_port = map(int, (folder / "ready").read_text().split())
    return Servers(
        folder,
        EmbeddedPostgres(folder / "postgres", postgres_port, durable=False),
        EmbeddedValkey(folder / "valkey", valkey_port),
    )


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Hold a lock that other processes of the run respect."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _announced(folder: Path) -> bool:
    return (folder / "ready").exists() or (folder / "failed").exists()


def _keeps(folder: Path) -> bool:
    """Whether the keeper lives: it was born with the lock, which goes with it however it ends."""
    with (folder / "keeping").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _start_keeper(folder: Path) -> None:
    log = str(folder / KEEPER_LOG)
    with (folder / "keeping").open("a") as keeping:
        fcntl.flock(keeping, fcntl.LOCK_EX)
        os.set_inheritable(keeping.fileno(), True)  # noqa: FBT003 - os takes it by position
        # posix_spawn rather than Popen: the keeper outlives the xdist worker that starts it.
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-X", "faulthandler", "-m", "chassis.keeper", str(folder)],
            {**os.environ, "PYTHONWARNINGS": "default"},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
        )
    (folder / "keeper").write_text(str(pid))
