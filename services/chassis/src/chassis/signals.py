"""SIGTERM and SIGINT, turned into an event that a process waits for."""

import signal
import threading
from queue import SimpleQueue


def heed_signals(stop: threading.Event) -> None:
    """Let SIGTERM and SIGINT set `stop`; call it in the main thread, before a signal may come.

    The event is set by a thread: a handler runs inside the main thread, and when the signal comes
    while that is inside `stop.wait()`, holding the event's own lock, setting it there hangs.
    """
    told: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: told.put(number))

    def pass_on() -> None:
        told.get()
        stop.set()

    threading.Thread(target=pass_on, name="signals", daemon=True).start()
