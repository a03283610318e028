"""Whether there is enough new to train."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from recommender.operations.models import training_is_due
from recommender.ranking.ensemble import FORMAT

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def due(count: int, before: int, learnt: int | None, *, hours: int = 1, kind: int = FORMAT) -> bool:
    """By the usual rules, when the last training learnt from so many, so long ago."""
    last: Any = None
    if learnt is not None:
        last = SimpleNamespace(
            counted_interactions=learnt,
            trained_at=NOW - timedelta(hours=hours),
            meta={"format": kind},
        )
    return training_is_due(
        count, before, last, first=200, share=0.1, oldest=NOW - timedelta(days=1)
    )


@pytest.mark.parametrize(
    ("count", "before", "learnt"),
    [(199, 199, None), (1_000, 1_000, 1_000), (1_199, 1_199, 1_000), (10_900, 10_900, 10_000)],
)
def test_too_little_is_new(count: int, before: int, learnt: int | None):
    assert not due(count, before, learnt)


@pytest.mark.parametrize(
    ("count", "before", "learnt"),
    [(200, 200, None), (1_200, 1_190, 1_000), (11_000, 10_990, 10_000), (9_000, 9_000, 10_000)],
)
def test_enough_is_new(count: int, before: int, learnt: int | None):
    assert due(count, before, learnt)


def test_a_model_grows_old_only_while_something_is_new():
    assert due(1_001, 1_001, 1_000, hours=25)
    assert not due(1_000, 1_000, 1_000, hours=25)
    assert not due(1_001, 1_001, 1_000, hours=23)


def test_what_still_pours_in_is_waited_for():
    assert not due(50_000, 40_000, None)
    assert not due(50_000, 40_000, 10_000, hours=25)
    assert due(50_000, 47_000, None), "at this pace it may take hours"


def test_a_model_of_another_release_is_as_none():
    assert due(200, 200, 5_000, kind=FORMAT - 1)
    assert not due(199, 199, 5_000, kind=FORMAT - 1)
