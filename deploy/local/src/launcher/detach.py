"""`up --detach`: a launcher in the background, and this one waiting until it is ready."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from launcher.children import python
from launcher.output import rotate
from launcher.settings import Failure, LocalSettings
from launcher.state import State

LOG = "launcher.log"
MAX_BYTES = 2**20


class Report:
    """What the background launcher tells the one in front, as JSON lines on a pipe."""

    def __init__(self, descriptor: int) -> None:
        self._pipe: IO[str] | None = os.fdopen(descriptor, "w")

    def say(self, line: str) -> None:
        """Something a person should read."""
        self._send({"say": line})

    def end(self, failure: str = "") -> None:
        """Ready, or the reason why not; the one in front goes home."""
        self._send({"failure": failure})
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    def _send(self, message: Mapping[str, str]) -> None:
        if self._pipe is None:
            return
        try:
            self._pipe.write(json.dumps(message) + "\n")
            self._pipe.flush()
        except BrokenPipeError:
            self._pipe = None  # nobody waits any more; the suite stays up all the same


def start_detached(settings: LocalSettings) -> None:
    """Start a launcher in a session of its own; return when ready, Failure with its reason."""
    state = State(settings.state)
    state.prepare()
    log = state.logs / LOG
    if log.exists() and log.stat().st_size > MAX_BYTES:
        rotate(log)
    reading, writing = os.pipe()
    with log.open("ab") as output:
        process = subprocess.Popen(
            python("-m", "launcher", "up", f"--report-to={writing}"),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(writing,),
        )
    os.close(writing)
    # Whoever ends the one in front before the suite is ready wants no suite.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with os.fdopen(reading) as pipe:
            _listen(pipe, log)
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise


def _listen(pipe: IO[str], log: Path) -> None:
    for line in pipe:
        message: dict[str, str] = json.loads(line)
        if message.get("failure"):
            raise Failure(message["failure"])
        if "failure" in message:
            return
        sys.stdout.write(f"{message['say']}\n")
        sys.stdout.flush()
    raise Failure(f"the launcher ended before it was ready; see {log}")
