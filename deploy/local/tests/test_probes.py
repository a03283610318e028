"""What `status` asks of programs, over real HTTP."""

import asyncio
import threading

from chassis.keeper import free_port
from chassis.loops import keep_going
from chassis.telemetry import configure
from chassis.testing.waiting import eventually
from launcher.probes import failing_loops


def test_a_loop_that_fails_again_and_again_is_named_until_it_works() -> None:
    port = free_port()
    configure("tests", metrics_listen=f"127.0.0.1:{port}")
    stop, broken, worked = threading.Event(), threading.Event(), threading.Event()
    broken.set()

    def step() -> None:
        if broken.is_set():
            raise RuntimeError("as it is meant to")
        worked.set()
        stop.wait(0.01)

    loop = threading.Thread(target=keep_going, args=(stop, "patience", step))
    loop.start()
    try:
        found = eventually(lambda: asyncio.run(failing_loops(port)))
        assert found["patience"] >= 3
        broken.clear()
        eventually(lambda: not asyncio.run(failing_loops(port)))
        assert worked.is_set()
    finally:
        stop.set()
        loop.join()
