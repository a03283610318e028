"""`./marquee test`, ended from outside."""

import signal
import subprocess
from pathlib import Path

from chassis.testing import eventually
from launcher.children import python

SLOW = """
import pathlib, time
import pytest

folder = pathlib.Path(__file__).parent

@pytest.fixture
def suite():
    (folder / "begun").touch()
    yield
    (folder / "put-away").touch()

def test_takes_long(suite):
    time.sleep(600)
"""


def test_tests_whose_command_is_ended_put_away_what_they_started(tmp_path: Path):
    (tmp_path / "test_slow.py").write_text(SLOW)
    command = subprocess.Popen(
        python("-m", "launcher", "test", str(tmp_path)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    eventually((tmp_path / "begun").exists, within=60)
    command.send_signal(signal.SIGTERM)
    assert command.wait(30) == -signal.SIGTERM
    eventually((tmp_path / "put-away").exists, within=60)
