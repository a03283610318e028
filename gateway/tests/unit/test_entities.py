"""Conditional requests."""

import pytest
from fastapi import Request

from gateway.entities import expected, tagged, unwanted
from gateway.problems import ProblemError


def _request(path: str = "/api/v1/me", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": path, "headers": raw})


def test_answers_that_show_movies_say_what_tmdb_wants_said() -> None:
    shown = (
        "movies", "movies/550", "people/1", "collections/1", "me/recommendations", "me/favorites",
        "me/ratings", "me/ratings/550", "me/watchlist", "me/hidden", "lists/1",
    )  # fmt: skip
    for path in shown:
        assert "TMDB" in tagged(_request(f"/api/v1/{path}"), []).headers["x-attribution"]
    assert "x-attribution" not in tagged(_request(), []).headers


def test_the_same_value_has_the_same_tag() -> None:
    first = tagged(_request(), {"a": 1})
    assert first.headers["etag"] == tagged(_request(), {"a": 1}).headers["etag"]
    assert first.headers["etag"] != tagged(_request(), {"a": 2}).headers["etag"]


@pytest.mark.parametrize("given", ["{0}", "W/{0}", '"v0", {0}', "*"])
def test_who_has_it_already_is_told_so(given: str) -> None:
    seen = tagged(_request(), {"a": 1}, etag="v1").headers["etag"]
    reply = tagged(_request(if_none_match=given.format(seen)), {"a": 1}, etag="v1")
    assert (reply.status_code, reply.body) == (304, b"")


def test_another_answer_of_the_same_state_is_sent_and_may_be_built_upon() -> None:
    seen = tagged(_request(), {"rating": 4, "title": "Die Nacht"}, etag="v1").headers["etag"]
    again = tagged(_request(if_none_match=seen), {"rating": 4, "title": "The Night"}, etag="v1")
    assert again.status_code == 200
    assert expected(seen) == expected(again.headers["etag"]) == "v1"
    assert expected('":v1"') == ":v1", "and not any version"


@pytest.mark.parametrize(("given", "version"), [('"v1"', "v1"), ("*", "*"), ("", ""), (None, "")])
def test_the_expected_version_is_unwrapped(given: str | None, version: str) -> None:
    assert expected(given) == unwanted(given) == version


@pytest.mark.parametrize("given", ["v1", 'W/"v1"', '"v1", "v2"', '""', '"'])
def test_a_weak_or_broken_expectation_never_matches(given: str) -> None:
    with pytest.raises(ProblemError) as refused:
        expected(given)
    assert refused.value.status_code == 412
