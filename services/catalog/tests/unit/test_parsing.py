"""TMDb's answers into records: whole and canonical, or refused with a reason."""

import gzip
import json
import sys
import zlib
from datetime import UTC, datetime
from typing import Any

import brotli
import orjson
import pytest
from structlog.testing import capture_logs

from catalog.tmdb.client import as_of, decoded, retry_after_seconds
from catalog.tmdb.errors import BadAnswer, UnknownEncoding
from catalog.tmdb.novelties import Novelties
from catalog.tmdb.parsing import movie_record

BODY: dict[str, Any] = {
    "id": 550,
    "title": "A Club",
    "original_title": "Ein Verein",
    "original_language": "de",
    "overview": "",
    "release_date": "1999-10-15",
    "runtime": 139,
    "budget": 63000000,
    "popularity": 3.5,
    "vote_average": 8.4,
    "vote_count": 30000,
    "genres": [{"id": 53, "name": "Thriller"}, {"id": 18, "name": "Drama"}],
    "belongs_to_collection": None,
    "credits": {
        "cast": [{"id": 2, "name": "B", "character": "X", "order": 1}],
        "crew": [{"id": 1, "name": "A", "job": "Director", "department": "Directing"}],
    },
    "keywords": {"keywords": [{"id": 9, "name": "fight"}, {"id": 3, "name": "soap"}]},
    "release_dates": {
        "results": [
            {
                "iso_3166_1": "US",
                "release_dates": [
                    {"certification": "NR", "type": 1},
                    {"certification": "R", "type": 3},
                ],
            },
            {"iso_3166_1": "XX", "release_dates": [{"certification": "", "type": 3}]},
        ]
    },
    "translations": {
        "translations": [
            {"iso_639_1": "de", "iso_3166_1": "DE", "data": {"title": "", "overview": "Ein Mann"}}
        ]
    },
    "external_ids": {"imdb_id": "tt0137523", "wikidata_id": "Q1", "facebook_id": None},
    "watch/providers": {
        "results": {"DE": {"link": "l", "flatrate": [{"provider_id": 8, "provider_name": "N"}]}}
    },
    "softcore": False,
}


def record(**changes: Any):
    return movie_record(550, json.dumps({**BODY, **changes}).encode())


def test_a_movie_is_read_whole():
    movie = record()
    assert movie.genres == ((18, "Drama"), (53, "Thriller"))
    assert [credit.person_id for credit in movie.credits] == [1, 2]
    assert movie.certifications == (("US", "R"),)
    assert movie.overview == "Ein Mann"  # English has none: the original's
    assert movie.external_ids == {"wikidata": "Q1"}
    assert orjson.loads(movie.watch_providers)["DE"]["offers"] == [["stream", 8, "N", "", 0]]


def test_order_and_votes_do_not_make_it_another_movie_but_a_word_does():
    same = record(
        genres=BODY["genres"][::-1],
        keywords={"keywords": BODY["keywords"]["keywords"][::-1]},
        popularity=99.0,
        vote_count=1,
        brand_new_field={"x": 1},
    )
    assert same.content_hash == record().content_hash
    assert record(tagline="New").content_hash != record().content_hash


def test_nulls_and_empty_strings_are_what_tmdb_means_by_unknown():
    movie = record(
        release_date="", runtime=None, budget=None, popularity=None, overview=None, genres=None,
        credits=None, translations=None, poster_path=None, title=None,
    )  # fmt: skip
    assert (movie.release_date, movie.runtime_minutes, movie.budget) == (None, 0, 0)
    assert movie.votes.popularity == 0.0
    assert movie.title == "Ein Verein"
    assert movie.credits == ()


def test_a_title_of_nothing_but_spaces_is_none():
    blank = {
        "iso_639_1": "fr",
        "iso_3166_1": "FR",
        "data": {"title": "\t", "overview": " Un homme"},
    }
    movie = record(title=" \n", translations={"translations": [blank]})
    assert (movie.title, movie.original_title) == ("Ein Verein", "Ein Verein")
    assert (movie.translations[0].title, movie.translations[0].overview) == ("", " Un homme")
    assert record(original_title="\u00a0").original_title == "A Club"


@pytest.mark.parametrize("imdb_id", [None, "", "tt0137523"])
def test_an_imdb_id_may_stand_beside_the_movie_or_in_it(imdb_id):
    assert record(imdb_id=imdb_id).imdb_id == "tt0137523"
    assert record(imdb_id=imdb_id, external_ids={"imdb_id": None}).imdb_id == (imdb_id or "")


def test_who_has_no_place_in_the_billing_comes_after_those_who_have_one():
    cast = [{"id": 9}, {"id": 8, "order": 3}, {"id": 7, "order": None}, {"id": 6, "order": 0}]
    assert billing(cast) == [(6, 0), (8, 3), (9, 4), (7, 5)]
    assert billing([{"id": 9}, {"id": 8}]) == [(9, 0), (8, 1)]
    assert billing([{"id": 9}, {"id": 8, "order": 2**31 - 1}]) == [(8, 2**31 - 1), (9, 2**31 - 1)]
    assert billing([{"id": 9}, {"id": 9}, {"id": 8}]) == [(9, 0), (8, 1)]


def billing(cast):
    found = record(credits={"cast": cast}).credits
    return [(credit.person_id, credit.billing_order) for credit in found]


def test_nul_is_dropped_and_nothing_else():
    assert record(title="A\0 Club").title == "A Club"
    assert record(title="A \\u0000 Club").title == "A \\u0000 Club"
    assert record(tagline="\0\\\0").tagline == "\\"


def test_a_translated_text_that_is_too_long_is_left_out_and_told():
    texts = {"title": "Un club", "overview": "x" * 2001, "tagline": "x" * 2000}
    told = {"translations": [{"iso_639_1": "fr", "iso_3166_1": "FR", "data": texts}]}
    with capture_logs() as logs:
        movie = record(translations=told)
    (kept,) = movie.translations
    assert (kept.title, kept.overview, kept.tagline) == ("Un club", "", "x" * 2000)
    assert logs == [
        {
            "event": "text left out",
            "log_level": "warning",
            "movie_id": 550,
            "field": "translations.fr-FR.overview",
            "characters": 2001,
        }
    ]


def test_fields_that_are_new_are_counted_wherever_they_stand():
    novelties = Novelties()
    body = {
        **BODY,
        "mood": "dark",
        "video": False,
        "credits": {
            "cast": [{"id": 2, "gender": 1, "voice": "low", "age": 9}, {"id": 3, "age": 8}]
        },
        "watch/providers": {"results": {"DE": {"link": "", "seen": {"by": 1}}}},
        "external_ids": {"brand_new_id": "x"},
    }
    novelties.look(json.dumps(body).encode())
    found = dict.fromkeys(
        ["mood", "credits.cast.voice", "credits.cast.age", "watch/providers.results.*.seen"], 1
    )
    assert novelties.counts == found


def test_of_a_hundred_bodies_one_is_searched_for_what_is_new():
    novelties = Novelties()
    for number in range(201):
        novelties.look(json.dumps({**BODY, f"field_{number}": 1}).encode())
    assert list(novelties.counts) == ["field_0", "field_100", "field_200"]


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, brotli.compress])
def test_a_body_is_unpacked_as_its_header_says(pack):
    name = {gzip: "gzip", zlib: "deflate", brotli: "br"}[sys.modules[pack.__module__]]
    packed = pack(b"a body " * 50)
    assert decoded(packed, name.upper()) == b"a body " * 50
    with pytest.raises(BadAnswer, match="encoding"):
        decoded(packed[: len(packed) // 2], name)


def test_a_body_is_left_as_it_is_when_its_header_says_nothing():
    packed = gzip.compress(b"a body")
    assert decoded(packed, "") == decoded(packed, "identity") == packed
    assert decoded(gzip.compress(packed), "gzip, gzip") == b"a body"


def test_an_encoding_that_nobody_knows_blames_no_record():
    with pytest.raises(UnknownEncoding, match="snappy"):
        decoded(b"", "snappy")


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"id": None}, "id"),
        ({"id": 551}, "id"),
        ({"title": {"text": "x"}}, "title"),
        ({"title": "", "original_title": " "}, "title"),
        ({"genres": "Drama"}, "genres"),
        ({"release_date": "2020-13-45"}, "release_date"),
        ({"runtime": {"minutes": 1}}, "runtime"),
        ({"budget": "a fortune"}, "budget"),
        ({"budget": 2**70}, "budget"),
        ({"credits": {"cast": [{"name": "nobody"}]}}, "credits.cast.0: .*`id`"),
        ({"credits": {"cast": [None]}}, "credits.cast.0"),
        ({"genres": [{"id": None}]}, "genres.0.id"),
        ({"genres": [{"id": 2**70, "name": "Huge"}]}, "genres.0.id"),
        ({"release_date": 946684800}, "release_date"),
        ({"release_date": "99999-01-01"}, "release_date"),
        ({"release_date": "0000-00-00"}, "release_date"),
        ({"popularity": -1}, "popularity"),
        ({"popularity": 1e300}, "popularity"),
        ({"vote_average": 10.1}, "vote_average"),
        ({"runtime": 2**31 - 1}, "runtime"),
        ({"overview": "x" * 2001}, "overview"),
        ({"credits": {"crew": [{"id": 1, "job": "x" * 2001}]}}, "credits.crew.0.job"),
        ({"genres": [{"id": 1}] * 41}, "genres"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_says_where(changes, where):
    with pytest.raises(BadAnswer, match=rf"^{where}"):
        record(**changes)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"id": 550, "ti',
        b"\xff\xfe",
        b"<html>",
        b'{"id": 550, "title": "\\ud800"}',
        b'{"id": 550, "title": NaN}',
        b"[" * 100_000,
        b'{"id": 550, "title": "x", "popularity": Infinity}',
        b'{"id": 550, "title": "\\u0000',
    ],
)
def test_a_body_that_is_no_movie_is_refused(body):
    with pytest.raises(BadAnswer):
        movie_record(550, body)


def test_a_body_is_as_old_as_the_caches_it_came_through():
    headers = {"date": "Sun, 01 Mar 2026 12:00:00 GMT", "age": "100", "x-memc-age": "20"}
    assert as_of(headers) == datetime(2026, 3, 1, 11, 58, tzinfo=UTC)
    assert as_of({**headers, "age": "soon"}) == datetime(2026, 3, 1, 11, 59, 40, tzinfo=UTC)


def test_no_body_is_of_the_future():
    """Every later answer would be held for an older one."""
    before = datetime.now(UTC)
    assert before <= as_of({"date": "Fri, 31 Dec 9999 23:59:59 GMT"}) <= datetime.now(UTC)


def test_a_moment_that_no_clock_shows_is_none():
    before, wild = datetime.now(UTC), f"1 Jan 2024 0:0 +{10**15}"
    assert as_of({"date": wild}) >= before
    assert as_of({"date": wild, "age": "9" * 9, "x-memc-age": "9" * 9}) < before
    assert retry_after_seconds({"retry-after": wild}) is None


def test_retry_after_is_seconds_or_a_date_or_nothing():
    assert retry_after_seconds({}) is None
    assert retry_after_seconds({"retry-after": "7"}) == 7
    assert retry_after_seconds({"retry-after": "Sun, 01 Mar 2020 12:00:00 GMT"}) == 0
    assert retry_after_seconds({"retry-after": "whenever"}) is None
