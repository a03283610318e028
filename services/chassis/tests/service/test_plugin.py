"""The pytest plugin cleans up after itself, and after those who could not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chassis.embedded import command_line
from chassis.testing import eventually

TEST = """
import os
from chassis.embedded import command_line

def test_the_servers_answer(database_for, redis_streams, run_servers):
    assert database_for("chassis").ping()
    assert redis_streams.ping()
    for server in (run_servers.postgres, run_servers.valkey):
        pid = int((server.folder / f"{server.name}.pid").read_text())
        assert str(run_servers.folder) in command_line(pid)
    with open(os.environ["TELL"], "w") as told:
        told.write(str(run_servers.folder))
    if "KILL" in os.environ:
        os.kill(os.getpid(), 9)
"""


QUICKLY = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


@pytest.fixture
def run_pytest(tmp_path):
    """Runs TEST in a pytest of its own; answers the folder of its servers and the exit code."""

    def run(*arguments, **environment):
        test, told = tmp_path / "test_one.py", tmp_path / "told"
        test.write_text(TEST)
        plugins = ["-p", "no:cacheprovider", "-p", "chassis.testing", "-p", "xdist"]
        command = [sys.executable, "-m", "pytest", "-q", *plugins, *arguments, test]
        done = subprocess.run(
            command,
            env={**os.environ, **QUICKLY, "TELL": str(told), **environment},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.exists(), done.stdout + done.stderr
        return Path(told.read_text()), done.returncode

    return run


def running_in(folder):
    """Command lines of every process that names the folder."""
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [line for pid in pids if str(folder) in (line := command_line(pid))]


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize("arguments", [(), ("-n", "2")], ids=["alone", "by xdist"])
def test_a_run_leaves_neither_a_process_nor_a_folder(run_pytest, arguments):
    folder, code = run_pytest(*arguments)
    assert code == 0
    eventually(lambda: not running_in(folder), within=20)
    eventually(lambda: not folder.exists(), within=20)


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_a_run_that_is_killed_leaves_neither_a_process_nor_a_folder(run_pytest):
    folder, code = run_pytest(KILL="yes")
    assert code == -signal.SIGKILL
    eventually(lambda: not running_in(folder), within=20)
    eventually(lambda: not folder.exists(), within=20)
