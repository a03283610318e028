"""What processes cost: CPU time, which wanders less than the clock on a shared machine."""

import os
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from launcher.settings import Failure


@dataclass(frozen=True, slots=True)
class Spent:
    """What a command took from its start to its end."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def run(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Spent:
    """Run a command to its end; Failure with the end of its log when it fails."""
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=output, stderr=output
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        last = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise Failure(f"{' '.join(command)} ended with {process.returncode}:\n{last}")
    # Linux tells kilobytes, macOS bytes.
    unit = 1024 if os.uname().sysname == "Linux" else 1
    seconds = time.monotonic() - began
    return Spent(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU time so far of these processes and of all they started, ended ones included."""
    return sum(_process_seconds(one) for pid in pids for one in _tree(pid))


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _process_seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    ended = times.children_user + times.children_system
    return (_own_seconds(process.pid) or times.user + times.system) + ended


def _own_seconds(pid: int) -> float | None:
    """To the nanosecond, where Linux tells it; psutil's figures come in hundredths."""
    total = 0
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            total += int((thread / "schedstat").read_text().split()[0])
    except (OSError, IndexError):
        return None
    return total / 1e9
