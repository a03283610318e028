"""A whole suite for these tests: started as a newcomer would, reached through Traefik."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_suite import Suite

CHECKOUT = Path(__file__).parents[2]
CATALOG_SIZE = 600


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """A suite with the stand-in's catalogue, synced and with a trained model."""
    with running(tmp_path_factory.mktemp("suite")) as started:
        started.wait_for_sync()
        yield started


def running(state: Path) -> Suite:
    """A suite of its own state and port, stopped at the end of the block."""
    environment = {
        **os.environ,
        "MARQUEE_STATE": str(state),
        "MARQUEE_PORT": str(_free_port()),
        "MARQUEE_CATALOG_SIZE": str(CATALOG_SIZE),
    }
    return Suite(CHECKOUT, environment)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
