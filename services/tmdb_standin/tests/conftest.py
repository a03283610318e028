"""Real servers on free ports, as the tests ask for them."""

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

# importlib mode gives tests no path of their own, and what they share is no part of the stand-in.
sys.path.insert(0, str(Path(__file__).parent))
from standin_process import Serve, Servers


@pytest.fixture(scope="session")
def serve() -> Iterator[Serve]:
    """Start servers that stop, all in good order, when the tests are over."""
    servers = Servers()
    yield servers.start
    ended = servers.end()
    assert ended == [0] * len(ended)


@pytest.fixture(scope="session")
def steady(serve: Serve) -> httpx.Client:
    """A server that no test changes."""
    return serve()


@pytest.fixture(scope="session")
def _switched(serve: Serve) -> httpx.Client:
    return serve()


@pytest.fixture
def switched(_switched: httpx.Client) -> Iterator[httpx.Client]:
    """A server whose faults a test may switch; off again afterwards."""
    yield _switched
    _switched.delete("/_faults").raise_for_status()
