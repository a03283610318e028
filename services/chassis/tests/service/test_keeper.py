"""Whoever waits for the tests' servers learns at once that there will be none, and why."""

import os
import signal
import threading
import time

import pytest

from chassis.testing import eventually
from chassis.testing.servers import servers_in

WELL_BEFORE_THE_END_SECONDS = 45


def test_what_ends_the_keeper_is_told_to_those_who_wait(tmp_path):
    (tmp_path / "valkey").mkdir()
    (tmp_path / "valkey" / "password").write_bytes(b"\xff")
    began = time.monotonic()
    for _ in range(2):  # who asks later is told the same
        with pytest.raises(RuntimeError, match=r"(?s)did not start.*UnicodeDecodeError"):
            servers_in(tmp_path)
    assert time.monotonic() - began < WELL_BEFORE_THE_END_SECONDS
    assert "UnicodeDecodeError" in (tmp_path / "keeper.log").read_text()


def test_a_keeper_that_is_killed_is_waited_for_no_longer(tmp_path):
    told = []

    def ask():
        try:
            servers_in(tmp_path)
        except RuntimeError as error:
            told.append(str(error))

    waiting = threading.Thread(target=ask)
    waiting.start()
    eventually(lambda: (tmp_path / "keeper").exists() and (tmp_path / "keeper").read_text())
    os.kill(int((tmp_path / "keeper").read_text()), signal.SIGKILL)
    waiting.join(WELL_BEFORE_THE_END_SECONDS)
    assert told == ["the servers of the tests did not start:\n(their keeper said nothing)"]
