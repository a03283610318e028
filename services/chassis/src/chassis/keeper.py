"""Owns the servers of one pytest run: `python -m chassis.keeper <folder>`.

The run's first process holds a lock on <folder>/owner. When it lets go, by its end or its death,
the keeper ends the servers and takes the folder away.
"""

import fcntl
import os
import shutil
import socket
import sys
import traceback
from pathlib import Path

from chassis.embedded import EmbeddedPostgres, EmbeddedValkey, StartError

ATTEMPTS = 5


def free_port() -> int:
    """A port of the loopback nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_both(folder: Path) -> tuple[EmbeddedPostgres, EmbeddedValkey]:
    """A PostgreSQL that forgets on a crash of the machine, and a Valkey with many databases."""
    for attempt in range(1, ATTEMPTS + 1):
        postgres = EmbeddedPostgres(folder / "postgres", free_port(), durable=False)
        valkey = EmbeddedValkey(folder / "valkey", free_port(), databases=256)
        try:
            postgres.start()
            valkey.start()
        except StartError:
            traceback.print_exc()
            # Someone else may have taken the free port meanwhile.
            postgres.stop()
            valkey.stop()
            if attempt == ATTEMPTS:
                raise
        else:
            return postgres, valkey
    raise AssertionError("unreachable")


def announce(folder: Path, name: str, text: str) -> None:
    """Write a file that its readers see whole or not at all."""
    draft = folder / f"{name}.draft"
    draft.write_text(text)
    draft.rename(folder / name)


def keep(folder: Path) -> int:
    """Start, announce, wait for the owner's end, stop, remove."""
    if os.getpgid(0) != os.getpid():
        os.setsid()  # Ctrl-C is for pytest; the servers go when it has finished
    try:
        postgres, valkey = start_both(folder)
    except Exception:  # noqa: BLE001 - whatever it is, those who wait are told at once
        traceback.print_exc()
        announce(folder, "failed", "")
        return 1
    announce(folder, "ready", f"{postgres.port} {valkey.port}")
    with (folder / "owner").open("a") as owner:
        fcntl.flock(owner, fcntl.LOCK_EX)
        postgres.kill()
        valkey.kill()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(keep(Path(sys.argv[1])))
