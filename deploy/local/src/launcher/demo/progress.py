"""One line that moves on a terminal, and a line now and then elsewhere."""

import sys
import time
from typing import TextIO

_SECONDS_BETWEEN_LINES = 2.0
_SECONDS_BETWEEN_FRAMES = 0.1


class Progress:
    """Says how far long work has come."""

    def __init__(self, output: TextIO = sys.stdout) -> None:
        self._output = output
        self._moving = output.isatty()
        self._said_at = 0.0
        self._started: dict[str, tuple[float, int]] = {}

    def step(self, what: str, done: int, total: int) -> None:
        """`done` of `total`; says so if it is time, and always at the end."""
        now = time.monotonic()
        began, first = self._started.setdefault(what, (now, done))
        pause = _SECONDS_BETWEEN_FRAMES if self._moving else _SECONDS_BETWEEN_LINES
        if now - self._said_at < pause and done < total:
            return
        self._said_at = now
        rate = (done - first) / (now - began) if now > began else 0.0
        self._write(f"{what}: {done:,} of {total:,} ({rate:,.0f}/s)", last=done >= total)

    def waiting(self, what: str, count: int) -> None:
        """So many are still waited for; says so now and then."""
        now = time.monotonic()
        pause = _SECONDS_BETWEEN_FRAMES if self._moving else _SECONDS_BETWEEN_LINES
        if now - self._said_at >= pause:
            self._said_at = now
            self._write(f"{what}: {count:,}", last=False)

    def say(self, line: str) -> None:
        """A line that stays."""
        self._write(line, last=True)

    def _write(self, line: str, *, last: bool) -> None:
        if self._moving:
            self._output.write(f"\r\x1b[K{line}" + ("\n" if last else ""))
        else:
            self._output.write(line + "\n")
        self._output.flush()
