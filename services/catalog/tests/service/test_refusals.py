"""What the catalog refuses: bad input by name, tokens of others, callers it is not for."""

import base64
import uuid

import pytest
from catalog_asking import FIRST, refusal

from catalog.store.quarantines import Quarantined, put_away
from chassis.errors import Denied, Invalid, NotFound, Unauthenticated
from marquee.catalog.v1 import catalog_pb2 as pb

TAMPERED = base64.urlsafe_b64encode(b"0" * 16 + b"[1.0,2]").decode().rstrip("=")


def test_tokens_of_another_list_are_refused(loaded):
    token = loaded.ListMovies(page_size=5).next_page_token
    for call, values in [
        (loaded.ListMovies, {"sort": pb.MOVIE_SORT_TITLE}),
        (loaded.ListMovies, {"filter": {"min_votes": 1}}),
        (loaded.SearchMovies, {"query": "a"}),
        (loaded.ListFeaturedMovies, {"list": pb.FEATURED_LIST_POPULAR}),
    ]:
        refused = refusal(call, page_token=token, **values)
        assert isinstance(refused, Invalid)
        assert refused.errors[0]["pointer"] == "/page_token"


@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("ListMovies", {"filter": {"released_after": "yesterday"}}),
        ("ListMovies", {"filter": {"released_after": "0000-01-01"}}),
        ("ListMovies", {"filter": {"released_before": "2026-02-30"}}),
        ("ListMovies", {"filter": {"released_before": "2026-01-01\0"}}),
        ("ListMovies", {"filter": {"year": 123456}}),
        ("ListMovies", {"filter": {"year": 0}}),
        ("ListMovies", {"filter": {"min_rating": float("inf")}}),
        ("ListMovies", {"filter": {"min_rating": -0.1}}),
        ("ListMovies", {"filter": {"person_ids": range(1, 22)}}),
        ("ListMovies", {"language": "x" * 36}),
        ("ListMovies", {"filter": {"min_rating": float("nan")}}),
        ("ListMovies", {"filter": {"genre_ids": [-1]}}),
        ("ListMovies", {"filter": {"language": "e\0"}}),
        ("ListMovies", {"sort": 99}),
        ("SearchMovies", {"query": "  "}),
        ("SearchMovies", {"query": "x" * 201}),
        ("SearchMovies", {"query": "x", "year": -5}),
        ("SearchMovies", {"query": "a\tb"}),
        ("SearchPeople", {"query": ""}),
        ("SearchPeople", {"query": "x" * 201}),
        ("SearchPeople", {"query": "a\0"}),
        ("GetMovie", {"movie_id": 0}),
        ("GetMovie", {"movie_id": -(2**63)}),
        ("GetMovie", {"movie_id": FIRST, "includes": [99]}),
        ("GetMovie", {"movie_id": FIRST, "language": "de\n\0"}),
        ("ListCredits", {"movie_id": -1}),
        ("GetPerson", {"person_id": 0}),
        ("GetCollection", {"collection_id": -1}),
        ("ListGenres", {"language": "\0"}),
        ("BatchGetMovies", {"movie_ids": range(1, 502)}),
        ("ListFeaturedMovies", {"list": 0}),
        ("ListFeaturedMovies", {"list": 77}),
        ("ListWatchProviders", {"movie_id": FIRST, "region": "USA"}),
        ("GetSyncRun", {"sync_run_id": "not an id"}),
        ("StartSync", {"stage": "nothing"}),
        ("StartSync", {}),
        ("StartSync", {"stage": "all\0"}),
        ("StartSync", {"stage": "all", "request_id": "x" * 201}),
        ("StartSync", {"movie_ids": [-1]}),
        ("StartSync", {"movie_ids": range(1, 502)}),
        ("BatchCreateMovies", {}),
        ("BatchCreateMovies", {"movies": [{"movie_id": -1, "title": "A"}]}),
        ("BatchCreateMovies", {"movies": [{"movie_id": 1, "title": "A\0"}]}),
        ("BatchCreateMovies", {"movies": [{"movie_id": 1, "title": "A" * 501}]}),
        ("BatchCreateMovies", {"movies": [{"movie_id": 1, "title": "A", "imdb_id": "550"}]}),
        ("BatchCreateMovies", {"movies": [{"movie_id": 1, "title": "A", "tags": ["\0"]}]}),
        (
            "BatchCreateMovies",
            {"movies": [{"movie_id": 1, "title": "A", "release_date": "2026-02-30"}]},
        ),
        ("BatchMatchMovies", {"clues": [{"movie_id": -1}]}),
        ("BatchMatchMovies", {"clues": [{"title": "A", "year": -1}]}),
        ("BatchCreateMovies", {"movies": [{"movie_id": 1, "title": ""}]}),
        ("BatchCreateMovies", {"movies": [{"movie_id": 1, "title": "A", "release_date": "x"}]}),
        ("BatchMatchMovies", {}),
    ],
)
def test_bad_input_is_refused_by_name(catalog, method, values):
    refused = refusal(getattr(catalog, method), **values)
    assert isinstance(refused, Invalid)
    assert refused.errors


def test_bad_pages_are_refused_by_every_list(loaded, admin):
    for method, values in [
        ("ListMovies", {}),
        ("SearchMovies", {"query": "the"}),
        ("SearchPeople", {"query": "a"}),
        ("ListFeaturedMovies", {"list": pb.FEATURED_LIST_POPULAR}),
        ("ListCredits", {"movie_id": FIRST}),
        ("GetPerson", {"person_id": 1}),
        ("GetCollection", {"collection_id": 1}),
        ("ListSyncRuns", {}),
        ("ListQuarantine", {}),
    ]:
        caller = admin if method in ("ListSyncRuns", "ListQuarantine") else loaded
        call = getattr(caller, method)
        for page, pointer in [
            ({"page_size": -1}, "/page_size"),
            ({"page_token": "x"}, "/page_token"),
            ({"page_token": "\0"}, "/page_token"),
            ({"page_token": "A" * 5000}, "/page_token"),
            ({"page_token": TAMPERED}, "/page_token"),
        ]:
            refused = refusal(call, **values, **page)
            assert isinstance(refused, Invalid), (method, page)
            assert refused.errors[0]["pointer"] == pointer


def test_a_token_with_one_other_character_is_refused(loaded):
    token = loaded.ListMovies(page_size=5).next_page_token
    for place in (0, len(token) // 2, len(token) - 2):
        other = "A" if token[place] != "A" else "B"
        tampered = token[:place] + other + token[place + 1 :]
        assert isinstance(refusal(loaded.ListMovies, page_token=tampered), Invalid)


def test_only_admins_and_services_start_a_sync_or_import(caller_as, tokens):
    person = [("authorization", f"Bearer {tokens.access_token(uuid.uuid4())}")]
    for caller in (caller_as([]), caller_as(person)):
        for method, values in [
            ("StartSync", {"stage": "all"}),
            ("ListSyncRuns", {}),
            ("GetSyncRun", {"sync_run_id": "x"}),
            ("ListQuarantine", {}),
            ("RetryQuarantined", {"quarantine_entry_id": "x"}),
            ("BatchCreateMovies", {}),
            ("BatchMatchMovies", {}),
        ]:
            assert isinstance(refusal(getattr(caller, method), **values), Denied | Unauthenticated)


def test_bad_questions_about_the_quarantine_are_refused(admin):
    assert isinstance(refusal(admin.ListQuarantine, state="broken"), Invalid)
    assert isinstance(refusal(admin.RetryQuarantined, quarantine_entry_id="x"), Invalid)
    unknown = "01890a5d-ac96-774b-bcce-b302099a8057"
    refused = refusal(admin.RetryQuarantined, quarantine_entry_id=unknown)
    assert refused.reason == "QUARANTINE_ENTRY_NOT_FOUND"


def test_a_page_of_the_quarantine_is_no_larger_than_an_answer_may_be(admin, syncing):
    bodies = [Quarantined(one, "broken", b"\xff" * 70_000) for one in range(1, 61)]
    with syncing.context.database.begin() as connection:
        put_away(connection, "standin", 1, bodies)
    found, token = [], ""
    while True:
        reply = admin.ListQuarantine(page_size=100, page_token=token)
        assert reply.entries
        found += [entry.source_id for entry in reply.entries]
        token = reply.next_page_token
        if not token:
            break
    assert sorted(found) == list(range(1, 61))


def test_unknown_things_are_not_found(catalog):
    for method, values, reason in [
        ("GetMovie", {"movie_id": 7}, "MOVIE_NOT_FOUND"),
        ("GetMovie", {"movie_id": 2**63 - 1}, "MOVIE_NOT_FOUND"),
        ("GetPerson", {"person_id": 2**63 - 1}, "PERSON_NOT_FOUND"),
        ("GetCollection", {"collection_id": 2**63 - 1}, "COLLECTION_NOT_FOUND"),
        ("ListCredits", {"movie_id": 7}, "MOVIE_NOT_FOUND"),
        ("ListWatchProviders", {"movie_id": 2**62, "region": "US"}, "MOVIE_NOT_FOUND"),
        ("GetPerson", {"person_id": 7}, "PERSON_NOT_FOUND"),
        ("GetCollection", {"collection_id": 7}, "COLLECTION_NOT_FOUND"),
        ("GetSyncRun", {"sync_run_id": "01890a5d-ac96-774b-bcce-b302099a8057"},
         "SYNC_RUN_NOT_FOUND"),
    ]:  # fmt: skip
        refused = refusal(getattr(catalog, method), **values)
        assert isinstance(refused, NotFound)
        assert refused.reason == reason


def test_only_admins_see_the_quarantine(catalog):
    assert isinstance(refusal(catalog.ListQuarantine), Denied)
