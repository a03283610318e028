"""What the chassis's service tests share: programs to kill, and servers of a test's own."""

import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from chassis.embedded import EmbeddedPostgres, EmbeddedValkey, death_guard
from chassis.keeper import free_port

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture
def start_program():
    """`start_program("relay", ...)`: a process of ours, killed with the test."""
    started = []

    def start(name, *arguments):
        command = [*death_guard(), sys.executable, str(PROGRAMS / f"{name}.py"), *arguments]
        process = subprocess.Popen(command)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def own_valkey(tmp_path):
    """A Valkey to kill or flush."""
    server = EmbeddedValkey(tmp_path / "valkey", free_port(), append_only=True)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_redis(own_valkey):
    """A client of it."""
    with redis.Redis.from_url(own_valkey.url) as client:
        yield client


@pytest.fixture
def own_postgres(tmp_path):
    """A PostgreSQL to kill."""
    server = EmbeddedPostgres(tmp_path / "postgres", free_port(), durable=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def background():
    """`with background(loop):` runs a loop in a thread for the length of the block."""

    @contextmanager
    def run(*loops):
        stop = threading.Event()
        threads = [threading.Thread(target=loop, args=(stop,)) for loop in loops]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join(20)

    return run
