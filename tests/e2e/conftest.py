"""A whole suite for these tests: started as a newcomer would, or standing at MARQUEE_URL."""

import os
from collections.abc import Iterator

import pytest
from running_suite import Suite, running
from standing_suite import StandingSuite

from chassis.testing.mail import Postbox, open_postbox


@pytest.fixture(scope="session")
def mailbox() -> Iterator[Postbox]:
    """The mail server of a suite that these tests start."""
    with open_postbox() as opened:
        yield opened


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory, mailbox: Postbox) -> Iterator[Suite]:
    """A suite with a synced catalogue and a trained model, reached through Traefik."""
    url = os.environ.get("MARQUEE_URL")
    folder = tmp_path_factory.mktemp("suite")
    chosen = StandingSuite(url) if url else running(folder, MAIL_URL=mailbox.url)
    with chosen as started:
        started.prepare()
        yield started


@pytest.fixture(autouse=True)
def _leave_others_processes_alone(request: pytest.FixtureRequest) -> None:
    if os.environ.get("MARQUEE_URL") and request.node.get_closest_marker("faults"):
        pytest.skip("only a suite that ./marquee started tells which processes to kill")
