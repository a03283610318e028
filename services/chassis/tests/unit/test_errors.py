"""Refusals: their names, their facts."""

import pytest

from chassis.errors import Conflict, Exhausted, Invalid, NotFound, Refusal


class WatchlistFull(Conflict):
    """A refusal of the test's own."""


class MovieNotFound(NotFound):
    """One that asks for more than a detail."""

    def __init__(self, movie_id: int) -> None:
        super().__init__("there is no such movie", movie_id=movie_id)


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        (WatchlistFull("full"), "WATCHLIST_FULL"),
        (MovieNotFound(7), "MOVIE_NOT_FOUND"),
        (Invalid("odd"), "INVALID"),
        (type("TMDbKeyMissing", (Conflict,), {})("none"), "TM_DB_KEY_MISSING"),
    ],
)
def test_the_name_of_the_class_is_the_reason(refusal, reason):
    assert refusal.reason == reason


def test_an_invalid_field_becomes_a_json_pointer():
    refusal = Invalid("is odd", field="movie.rating")
    assert refusal.errors == [{"pointer": "/movie/rating", "detail": "is odd"}]
    assert Invalid("as a whole").errors == []


def test_several_errors_are_kept_together():
    given = [{"pointer": "/a", "detail": "is odd"}, {"pointer": "/b", "detail": "is even"}]
    assert Invalid("two things", errors=given).errors == given


def test_who_is_exhausted_is_told_when_to_come_back():
    assert Exhausted("slow down").facts == {"retry_after_seconds": 1}
    assert Exhausted("slow down", retry_after_seconds=60).facts["retry_after_seconds"] == 60


def test_a_received_refusal_keeps_its_name_whatever_its_class_asks_for():
    refusal: Refusal = MovieNotFound.received("MOVIE_GONE", "was removed", {"movie_id": 7})
    assert (refusal.reason, refusal.detail, refusal.facts) == (
        "MOVIE_GONE",
        "was removed",
        {"movie_id": 7},
    )
    assert str(refusal) == "was removed"
