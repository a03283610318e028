"""Tests of one file stay together on one worker, unless they say with whom they belong."""

import pytest

import gateway  # noqa: F401 - before pytest takes the folder of that name for the package


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
