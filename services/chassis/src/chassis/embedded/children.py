"""Child processes: ended with their parent, found again by their pid files."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

STOP_TIMEOUT_SECONDS = 30.0

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


def end_orphan(
    pid_path: Path,
    marker: str,
    stop_signal: signal.Signals,
    timeout_seconds: float = STOP_TIMEOUT_SECONDS,
) -> None:
    """End the server an earlier run left behind on this folder, and take its pid file away.

    The number may long belong to someone else: only a process that names the folder is ended.
    """
    try:
        pid = int(pid_path.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    if pid > 0 and marker in command_line(pid):
        for number in (stop_signal, signal.SIGKILL):
            _signal(pid, number)
            if _waited(lambda: marker not in command_line(pid), timeout_seconds):
                break
        else:
            raise StartError(f"process {pid}, left behind by an earlier run, does not end")
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
            line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
        except (FileNotFoundError, ProcessLookupError):
            return ""
        return line.decode(errors="replace")
    asked = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return asked.stdout


def _waited(condition: Callable[[], bool], timeout_seconds: float) -> bool:
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
