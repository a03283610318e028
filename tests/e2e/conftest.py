"""A whole suite for these tests: started as a newcomer would, reached through Traefik."""

from collections.abc import Iterator

import pytest
from running_suite import Suite, running

DEMO_SECONDS = 240


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """A suite with the stand-in's catalogue, synced, and a model trained on demo people."""
    with running(tmp_path_factory.mktemp("suite")) as started:
        started.wait_for_sync()
        demo = started.command("demo", timeout=DEMO_SECONDS)
        assert demo.returncode == 0, demo.stdout + demo.stderr
        yield started
