"""One main for all services, run as a process of its own."""

import os
import signal
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from pydantic import Field
from chassis.service import Service, main, run_until_signalled
from chassis.settings import ServiceSettings

class Settings(ServiceSettings):
    shelf_size: int = Field(5, ge=1, description="How much fits on a shelf")

def loop(stop):
    print("looping", flush=True)
    stop.wait()
    print("drained", flush=True)

def broken(stop):
    raise RuntimeError("oops")

def count(settings, rest):
    print("counted", settings.shelf_size, *rest)
    return 3

def add(rest):
    print(sum(map(int, rest)))
    return 0

def serve(settings):
    print("served", settings.grpc_listen)

def background(settings):
    run_until_signalled(loop, loop)

def work(settings):
    run_until_signalled(loop, broken)

service = Service(
    name="tiny", settings=Settings, wiring="__main__", commands={"count": "__main__:count"},
    offline_commands={"add": "__main__:add"},
)
sys.exit(main(service))
"""


@pytest.fixture
def environment() -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": "postgresql://someone:pass-word@127.0.0.1:1/nowhere",
        "REDIS_STREAMS_URL": "redis://127.0.0.1:1/0",
        "REDIS_CACHE_URL": "redis://127.0.0.1:1/1",
        "INTERNAL_KEY": "internal-secret-" * 2,
    }


@pytest.fixture
def run(environment):
    def process(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", PROGRAM, *arguments],
            env={**environment, **more},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return process


def test_commands_run_with_settings_and_arguments(run):
    served = run("serve", GRPC_LISTEN="127.0.0.1:7777")
    assert (served.returncode, served.stdout) == (0, "served 127.0.0.1:7777\n")
    counted = run("count", "a", "b", SHELF_SIZE="9")
    assert (counted.returncode, counted.stdout) == (3, "counted 9 a b\n")


def test_an_offline_command_asks_for_no_settings(run, environment):
    del environment["DATABASE_URL"]
    added = run("add", "3", "4")
    assert (added.returncode, added.stdout) == (0, "7\n")


def test_an_unknown_command_prints_the_known_ones(run):
    done = run("dance")
    assert done.returncode == 2
    assert "serve | background | work" in done.stderr
    assert "count" in run("--help").stderr


def test_wrong_settings_are_one_clear_line_each(run):
    done = run(
        "serve",
        DATABASE_URL="mysql://root:pass-word@localhost/x",
        INTERNAL_KEY="too-short",
        SHELF_SIZE="0",
        GRPC_LISTEN="nowhere",
        LOG_LEVEL="LOUD",
    )
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "DATABASE_URL",
        "INTERNAL_KEY",
        "GRPC_LISTEN",
        "LOG_LEVEL",
        "SHELF_SIZE",
    ]
    assert "How much fits on a shelf" in lines[-1]
    assert "pass-word" not in done.stderr
    assert "too-short" not in done.stderr


def test_a_missing_setting_is_named_with_its_meaning(run, environment):
    del environment["INTERNAL_KEY"]
    done = run("serve")
    assert done.returncode == 2
    assert done.stderr.startswith("INTERNAL_KEY: is required (Key of service tokens")
    shown = run("settings")
    assert shown.returncode == 2
    assert "INTERNAL_KEY=(required, not set)" in shown.stdout


def test_settings_are_printed_with_meaning_and_without_secrets(run):
    done = run("settings", SHELF_SIZE="8")
    assert done.returncode == 0
    assert "SHELF_SIZE=8\n    How much fits on a shelf" in done.stdout
    assert "INTERNAL_KEY=********" in done.stdout
    assert "GRPC_WORKERS=16" in done.stdout
    assert "pass-word" not in done.stdout
    assert "internal-secret" not in done.stdout


def test_loops_are_told_to_stop_by_a_signal(environment):
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "background"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == ["looping\n"] * 2
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=30)[0] == "drained\n" * 2
    assert process.returncode == 0


def test_a_loop_that_breaks_ends_the_process_with_a_failure(run):
    done = run("work")
    assert done.returncode == 1
    assert "drained" in done.stdout
    assert "oops" in done.stdout


def test_migrating_a_database_that_is_down_is_one_line_and_a_failure(run):
    done = run("migrate")
    assert done.returncode == 1
    assert "not migrated" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
