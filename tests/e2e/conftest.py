"""A whole suite for these tests: started as a newcomer would, or standing at MARQUEE_URL."""

import os
from collections.abc import Iterator

import pytest
from running_suite import Suite, running
from standing_suite import StandingSuite


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """A suite with a synced catalogue and a trained model, reached through Traefik."""
    url = os.environ.get("MARQUEE_URL")
    chosen = StandingSuite(url) if url else running(tmp_path_factory.mktemp("suite"))
    with chosen as started:
        started.prepare()
        yield started


@pytest.fixture(autouse=True)
def _leave_others_processes_alone(request: pytest.FixtureRequest) -> None:
    if os.environ.get("MARQUEE_URL") and request.node.get_closest_marker("faults"):
        pytest.skip("only a suite that ./marquee started tells which processes to kill")
