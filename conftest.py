"""Which tests stay together on one of xdist's workers."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

import gateway  # noqa: F401 - before pytest takes the folder of that name for the package


class Together(LoadScopeScheduling):
    """Tests of one file, for they share databases; below tests/e2e of one folder: a suite."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return path.rpartition("/")[0] if path.startswith("tests/e2e/") else path


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    """xdist's hook."""
    return Together(config, log)
