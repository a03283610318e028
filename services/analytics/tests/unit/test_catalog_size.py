"""The catalogue's size while the catalog says nothing."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from analytics.operations.catalog import CatalogSize
from marquee.catalog.v1 import catalog_pb2


class Catalog:
    """Answers at once, or hangs until it is let go."""

    def __init__(self) -> None:
        self.asked, self.let_go = threading.Semaphore(0), threading.Event()
        self.let_go.set()

    def CountMovies(self, _request: Any, timeout: float) -> catalog_pb2.CountMoviesResponse:
        self.asked.release()
        assert self.let_go.wait(60)
        return catalog_pb2.CountMoviesResponse(movies_count=8)


def test_nobody_waits_behind_somebody_who_asks_a_catalog_that_hangs():
    catalog: Any = Catalog()
    minutes = itertools.chain([0.0, 61.0], itertools.repeat(62.0))
    size = CatalogSize(catalog, lambda: next(minutes))
    assert size() == 8
    assert catalog.asked.acquire(timeout=10)
    catalog.let_go.clear()
    with ThreadPoolExecutor(2) as pool:
        try:
            first = pool.submit(size)
            assert catalog.asked.acquire(timeout=10)
            assert pool.submit(size).result(timeout=10) == 8
            assert not first.done()
        finally:
            catalog.let_go.set()
        assert first.result(timeout=10) == 8
