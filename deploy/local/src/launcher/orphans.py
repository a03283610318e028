"""What a launcher that was killed left running."""

import contextlib
import os
import signal
from pathlib import Path

import psutil

# Inherited by everything a launcher starts; its value is the state folder.
MARK = "MARQUEE_PROCESS_OF"
TERMINATE_SECONDS = 5.0


def mark(state: Path) -> None:
    """From now on, what this process starts can be told from everything else."""
    os.environ[MARK] = str(state)


def sweep(state: Path) -> int:
    """End processes of this state whose launcher is gone; how many there were."""
    found = [process for process in psutil.process_iter() if _belongs(process, state)]
    for process in found:
        _signalled(process, signal.SIGTERM)
    _, stubborn = psutil.wait_procs(found, timeout=TERMINATE_SECONDS)
    for process in stubborn:
        _signalled(process, signal.SIGKILL)
    psutil.wait_procs(stubborn, timeout=TERMINATE_SECONDS)
    return len(found)


def is_marked(pid: int, state: Path) -> bool:
    """Whether this living process was started, by whatever way, by a launcher of the state."""
    try:
        return psutil.Process(pid).environ().get(MARK) == str(state)
    except (psutil.Error, OSError):
        return False


def _belongs(process: psutil.Process, state: Path) -> bool:
    # PostgreSQL writes its title over its environment; the chassis ends it by its data folder.
    return process.pid != os.getpid() and is_marked(process.pid, state)


def _signalled(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)
