"""Asking the catalog how many movies there are."""

import threading
import time
from collections.abc import Callable

from chassis.errors import Refusal, Unavailable
from marquee.catalog.v1 import catalog_pb2, catalog_pb2_grpc

_FRESH_SECONDS = 60.0
_TIMEOUT_SECONDS = 2.0


class CatalogUnavailable(Unavailable):
    """Nobody can tell now how many movies there are."""


class CatalogSize:
    """How many movies the catalogue has: asked once a minute; as last known while it is away."""

    def __init__(
        self,
        catalog: catalog_pb2_grpc.CatalogServiceStub,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalog = catalog
        self._clock = clock
        self._lock = threading.Lock()
        self._known: int | None = None
        self._asked_at = float("-inf")

    def __call__(self) -> int:
        """The number, at most a minute old while the catalog answers."""
        known = self._known
        if self._due() or known is None:
            self._known = known = self._asked()
        return known

    def _due(self) -> bool:
        """Whether to ask anew: one caller is told so, and the others need not wait for it."""
        with self._lock:
            now = self._clock()
            due = now - self._asked_at > _FRESH_SECONDS
            if due:
                self._asked_at = now
            return due

    def _asked(self) -> int:
        request = catalog_pb2.CountMoviesRequest()
        try:
            return self._catalog.CountMovies(request, timeout=_TIMEOUT_SECONDS).movies_count
        except Refusal as refusal:
            if self._known is None:
                raise CatalogUnavailable("catalog does not say what it has") from refusal
            return self._known
