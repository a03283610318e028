"""Lines of many processes: prefixed on the terminal, whole in one file each."""

import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

MAX_BYTES = 10 * 2**20
OLD_FILES = 2
PREFIX_WIDTH = 22
COLOURS = (36, 32, 33, 34, 35, 96, 92, 93, 94, 95)

Say = Callable[[str], None]


def rotate(path: Path) -> None:
    """Move a full log aside: x.log becomes x.log.1, and so on."""
    for number in range(OLD_FILES, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        newer = path.with_name(f"{path.name}.{number - 1}") if number > 1 else path
        if newer.exists():
            newer.replace(older)


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a log."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 400 * lines))
        return file.read().decode(errors="replace").splitlines()[-lines:]


class LogFile:
    """A log that keeps itself from filling the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO = path.open("ab", buffering=0)

    def write(self, line: bytes) -> None:
        """Append one line."""
        self._file.write(line + b"\n")
        if self._file.tell() > MAX_BYTES:
            self._file.close()
            rotate(self.path)
            self._file = self.path.open("ab", buffering=0)

    def close(self) -> None:
        """Nothing more will be written."""
        self._file.close()


class Terminal:
    """Prefixed lines on standard output, coloured where a person reads them."""

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose
        self._colourful = sys.stdout.isatty()

    def process_line(self, name: str, line: bytes) -> None:
        """A line that a process wrote."""
        if self._verbose:
            self._write(name, line.decode(errors="replace"))

    def say(self, line: str) -> None:
        """A line of the launcher's own."""
        self._write("marquee", line)

    def _write(self, name: str, line: str) -> None:
        prefix = f"{name:<{PREFIX_WIDTH}}|"
        if self._colourful:
            colour = COLOURS[zlib.crc32(name.encode()) % len(COLOURS)]
            prefix = f"\033[{colour}m{prefix}\033[0m"
        sys.stdout.write(f"{prefix} {line}\n")
        sys.stdout.flush()
