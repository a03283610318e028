"""Sessions that have ended before their tokens did."""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from uuid import UUID

import redis
import structlog
from google.protobuf.message import DecodeError

from chassis.events import Event, Tail
from chassis.loops import Every, keep_going

_HELD_SECONDS = 900.0
_FORGETTINGS = 15  # while one revocation is held
_STOP_SECONDS = 2

log = structlog.get_logger()


def aggregate(event: Event) -> Iterable[UUID]:
    """The event's aggregate is what was revoked: a session, or a user with all sessions."""
    return (UUID(event.aggregate_id),)


class Revocations:
    """Ids of sessions (and users) revoked in the last `held_seconds`, longer than a token lives.

    Follows `stream` for events of `types`; `subjects` tells which ids an event revokes. Events of
    the types in `access` are about a user, and say whether that user is let in from then on. It
    begins with that much of the stream, so a restart forgets nothing. Give the object itself to
    TokenVerifier(revoked=...).
    """

    def __init__(
        self,
        client: redis.Redis,
        *,
        types: Collection[str],
        subjects: Callable[[Event], Iterable[UUID]] = aggregate,
        access: Mapping[str, Callable[[Event], bool]] | None = None,
        stream: str = "users.events",
        held_seconds: float = _HELD_SECONDS,
    ) -> None:
        self._types = frozenset(types)
        self._subjects = subjects
        self._access = access or {}
        self._tail = Tail(client, [stream], since_seconds=held_seconds)
        self._held_seconds = held_seconds
        self._forgetting = Every(held_seconds / _FORGETTINGS)
        self._revoked_at: dict[UUID, float] = {}
        self._changing = threading.Lock()
        self._caught_up = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self.run, name="revocations", daemon=True)

    def __call__(self, subject: UUID) -> bool:
        """Whether the session or user is revoked."""
        return subject in self._revoked_at

    def add(self, subject: UUID) -> None:
        """Revoke at once what this process itself has revoked."""
        with self._changing:
            self._revoked_at[subject] = time.monotonic()

    @property
    def known(self) -> bool:
        """Whether the stream has been read to its end once; for readiness."""
        return self._caught_up.is_set()

    def start(self) -> None:
        """Follow the stream in a daemon thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, which takes half a second."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)

    def run(self) -> None:
        """Follow the stream until `stop`; an outage of Redis is waited for."""
        keep_going(self._stopping, "revocations", self._step)

    def _step(self) -> None:
        events = self._tail.read()
        for event in events:
            self._take(event)
        if self._tail.at_end:
            self._caught_up.set()
        if self._forgetting.due():
            self._forget_the_old()

    def _take(self, event: Event) -> None:
        try:
            if event.type in self._access:
                self._follow_access(UUID(event.aggregate_id), self._access[event.type](event))
            elif event.type in self._types:
                for subject in self._subjects(event):
                    self.add(subject)
        except (ValueError, DecodeError):
            log.exception("a revocation cannot be understood", event_id=str(event.event_id))

    def _follow_access(self, user_id: UUID, let_in: bool) -> None:  # noqa: FBT001 - the event's
        if let_in:
            with self._changing:
                self._revoked_at.pop(user_id, None)
        else:
            self.add(user_id)

    def _forget_the_old(self) -> None:
        horizon = time.monotonic() - self._held_seconds
        with self._changing:
            for subject in [one for one, at in self._revoked_at.items() if at < horizon]:
                del self._revoked_at[subject]
