"""Whatever a server answers for one movie, it is read or put away with a reason; the rest is
loaded."""

import gzip
import json
import random
import re
from dataclasses import dataclass, field, replace
from typing import Any

import brotli
import pytest
from catalog_serving import Handler, serving

from catalog.tmdb.errors import BadAnswer
from chassis.errors import Unavailable

GOOD = range(1, 31)
SMALLEST = {"title": "A Title", "release_date": "2001-02-03", "popularity": 1.5, "vote_count": 2}
HUGE = "9" * 5000
LONG = "9" * 2000
INCOMPRESSIBLE = "".join(map(chr, random.Random(1).sample(range(0x20000, 0x30000), 2000)))
LOADED = ""
PACK = {"gzip": gzip.compress, "br": brotli.compress}


@dataclass(frozen=True)
class Odd:
    """An answer in which 0 stands for the movie's id, and what the quarantine says of it."""

    body: bytes
    says: str = LOADED
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    packing: str = ""


def body(**changes: Any) -> bytes:
    return json.dumps({"id": 0, **SMALLEST, **changes}).encode()


def also(text: str) -> bytes:
    """A body with something that json.dumps would not write."""
    return body()[:-1] + b", " + text.encode() + b"}"


def credits_of(*people: Any) -> bytes:
    return body(credits={"cast": people, "crew": people})


def translated(region: str, **texts: str) -> bytes:
    one = {"iso_639_1": "de", "iso_3166_1": region, "data": {"title": "T", **texts}}
    return body(translations={"translations": [one, one]})


def every(value: Any) -> bytes:
    names = (
        "credits", "keywords", "genres", "videos", "translations", "release_dates", "overview",
        "external_ids", "runtime", "popularity", "belongs_to_collection", "watch/providers",
    )  # fmt: skip
    return body(**dict.fromkeys(names, value))


def inside(value: Any) -> bytes:
    return body(
        credits={"cast": value, "crew": value},
        keywords={"keywords": value},
        translations={"translations": value},
        release_dates={"results": value},
        videos={"results": value},
        genres=value,
    )


def header(**headers: str) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


TWICE = body(
    genres=[{"id": 18, "name": "Drama"}] * 2,
    keywords={"keywords": [{"id": 5}] * 2},
    videos={"results": [{"id": "v"}] * 2},
    production_countries=[{"iso_3166_1": "DE"}] * 2,
    release_dates={
        "results": [{"iso_3166_1": "DE", "release_dates": [{"certification": "12"}] * 2}] * 2
    },
)
IN_FILES = "A\\.\n\\.\r\tB\x1d\x1e\x1f\x7f\u2028"

ODD = {
    "id as text": Odd(body(id="0")),
    "id as a fraction": Odd(also('"id": 0.5'), "id"),
    "another movie": Odd(body(id=999_999), "id: asked for"),
    "id true": Odd(body(id=True), "id"),
    "id null": Odd(body(id=None), "id"),
    "nothing but an id": Odd(b'{"id": 0}', "title"),
    "null everywhere": Odd(every(None)),
    "null inside": Odd(inside(None)),
    "empty inside": Odd(inside([])),
    "null as an entry": Odd(inside([None]), "credits.cast.0"),
    "objects everywhere": Odd(every({}), "Expected"),
    "lists everywhere": Odd(every([]), "Expected"),
    "text everywhere": Odd(every("text"), "Expected"),
    "text where a number belongs": Odd(body(runtime="long"), "runtime"),
    "a number where text belongs": Odd(body(title=7), "title"),
    "a number as text": Odd(body(runtime="97", popularity="1.5")),
    "a huge number": Odd(also(f'"budget": {HUGE}'), "budget"),
    "a huge number nobody reads": Odd(also(f'"mood": {HUGE}')),
    "a huge external id": Odd(also(f'"external_ids": {{"a_id": {HUGE}}}'), "external_ids"),
    "a large external id": Odd(body(external_ids={"a_id": 10**30})),
    "infinity": Odd(also('"popularity": 1e999'), "popularity"),
    "not a number": Odd(also('"popularity": NaN'), "body"),
    "negative votes": Odd(body(vote_count=-1), "vote_count"),
    "an id beyond 64 bits": Odd(credits_of({"id": 2**64}), "credits.cast.0.id"),
    "a date of zeros": Odd(body(release_date="0000-00-00"), "release_date"),
    "a date with zeros": Odd(body(release_date="2001-00-00"), "release_date"),
    "a date that is none": Odd(body(release_date="next year"), "release_date"),
    "a moment for a date": Odd(body(release_date="2001-02-03T04:05:06Z"), "release_date"),
    "no date": Odd(body(release_date="")),
    "the first date there is": Odd(body(release_date="0001-01-01")),
    "NUL": Odd(body(title="A\0B", tagline="\0", credits={"cast": [{"id": 1, "name": "\0"}]})),
    "NUL in the names of fields": Odd(body(**{"a\0b": 1}, external_ids={"\0_id": "\0"})),
    "a lone surrogate": Odd(also('"overview": "\\ud800"'), "body"),
    "a surrogate pair that is none": Odd(also('"overview": "\\udc00\\ud800"'), "body"),
    "bytes that are no UTF-8": Odd(body()[:-1] + b', "overview": "\xff"}', "body"),
    "UTF-16": Odd(body().decode().encode("utf-16"), "body"),
    "a byte order mark": Odd(b"\xef\xbb\xbf" + body(), "body"),
    "ends of lines and fields": Odd(body(title=IN_FILES, overview='\\N"{},\\')),
    "other directions": Odd(body(title="\u202eA\u200b\ufeff\U0001f3ac")),
    "a title of nothing": Odd(body(title=" "), "title"),
    "a very long title": Odd(body(title="Long " * 400)),
    "a title too long": Odd(body(title="Long " * 401), "title"),
    "an overview without an end": Odd(body(overview="x" * 2_000_000), "overview"),
    "a translation without an end": Odd(translated("DE", overview="x" * 2_000_000)),
    "a very long word": Odd(body(title="x" * 2000, credits={"cast": [{"id": 2, "name": LONG}]})),
    "a name too long": Odd(credits_of({"id": 2, "name": HUGE}), "credits.cast.0.name"),
    "more genres than there are": Odd(body(genres=[{"id": 18}] * 41), "genres"),
    "a language too long for an index": Odd(
        body(original_language=INCOMPRESSIBLE), "index row"
    ),
    "a very long region": Odd(translated("D" * 2000)),
    "deep": Odd(also('"mood": ' + "[" * 50_000 + "]" * 50_000), "nested too deeply"),
    "deep, with NUL": Odd(also('"a": "\\u0000", "mood": ' + "[" * 990 + "]" * 990), "too deeply"),
    "deep where something is read": Odd(also('"credits": ' + '{"cast":' * 9000), "credits"),
    "the same person many times": Odd(credits_of(*[{"id": 3, "name": "P"}] * 40)),
    "a person of two names": Odd(credits_of({"id": 4, "name": "A"}, {"id": 4, "name": "B"})),
    "the same everything twice": Odd(TWICE),
    "the same translation twice": Odd(translated("DE")),
    "thousands of people": Odd(credits_of(*[{"id": n, "name": f"P{n}"} for n in range(1, 4001)])),
    "the same field twice": Odd(also('"title": "Another"')),
    "a page of HTML": Odd(b"<!doctype html><title>Sign in</title>", "body"),
    "nothing": Odd(b"", "body"),
    "no content": Odd(b"", "204", 204),
    "a list": Odd(b"[]", "body"),
    "a word": Odd(b'"movie"', "body"),
    "half a body": Odd(body()[:40], "body"),
    "two bodies": Odd(body() + body(), "body"),
    "gzip": Odd(body(), packing="gzip"),
    "brotli": Odd(body(), packing="br"),
    "gzip that nobody names": Odd(gzip.compress(body(id=1)), "body"),
    "gzip that is none": Odd(body(), "encoding", headers=header(Content_Encoding="gzip")),
    "half a gzip": Odd(gzip.compress(body())[:30], "encoding",
                       headers=header(Content_Encoding="gzip")),
    "a bomb": Odd(b" " * 2**25, "encoding", packing="gzip"),
    "a bomb of brotli": Odd(b" " * 2**25, "encoding", packing="br"),
    "an encoding of tomorrow": Odd(b"\x28\xb5", "zstd", headers=header(Content_Encoding="zstd")),
    "a redirect": Odd(b"", "301", 301, header(Location="/elsewhere")),
    "a redirect to nowhere": Odd(b"", "302", 302, header(Location="http://127.0.0.1:1/")),
    "forbidden": Odd(b"<html>", "403", 403),
    "forbidden, packed oddly": Odd(b"x", "403", 403, header(Content_Encoding="zstd")),
    "a bad request": Odd(b'{"status_code": 5, "status_message": "no"}', "400 no", 400),
    "a message that is none": Odd(b'{"status_message": {"a": 1}}', "418", 418),
    "a wild date": Odd(body(), headers=header(
        Date="Fri, 99 Nov 99999 99:99:99 +9999", Age="99999999999", X_Memc_Age="-7")),
}  # fmt: skip
NAMES = dict(enumerate(ODD, 100))


class Answers(Handler):
    """Good movies, and odd ones."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        found = re.fullmatch(r"/movie/(\d+)", self.path.partition("?")[0])
        movie_id = int(found[1]) if found else 0
        odd = Odd(body(id=movie_id)) if movie_id in GOOD else ODD[NAMES[movie_id]]
        told = re.sub(rb'"id": ("?)0\b(?!\.)', rb'"id": \g<1>%d' % movie_id, odd.body, count=1)
        headers = dict(odd.headers)
        if odd.packing:
            told, headers["Content-Encoding"] = PACK[odd.packing](told), odd.packing
        self.tell(told, odd.status, **{"Date": self.date_time_string(), **headers})


class Smalls(Handler):
    """TMDb's small lists, with NUL wherever there is text."""

    def do_GET(self) -> None:
        sizes = {f"{kind}_sizes": [] for kind in ("poster", "backdrop", "profile", "logo")}
        images = {"secure_base_url": "https://images.example/", **sizes}
        named = [{"id": 18, "name": "A\0B", "a\0b": "\0"}]
        told = {"genres": named, "images": images, "others": named}
        self.tell(json.dumps(told).encode())


class Elsewhere(Handler):
    """What has moved."""

    def do_GET(self) -> None:
        self.tell(b"", 301, Location="https://elsewhere.example/3")


class Portal(Handler):
    """Something between us and TMDb that answers everything itself."""

    def do_GET(self) -> None:
        self.tell(b"<html>")


def test_whatever_is_answered_for_one_movie_is_read_or_put_away_and_the_rest_is_loaded(syncing):
    with serving(Answers) as url:
        syncing.ask_at(url)
        run = syncing.run("movies", movie_ids=[*GOOD, *NAMES])
    assert run["state"] == "done"
    rows = syncing.rows("select source_id, error from quarantine")
    errors = {row["source_id"]: row["error"] for row in rows}
    loaded = set(syncing.values("select tmdb_id from movie"))
    assert set(GOOD) <= loaded
    outcomes = {
        name: errors.get(movie_id, LOADED if movie_id in loaded else "lost")
        for movie_id, name in NAMES.items()
    }
    wrong = {
        name: outcome
        for name, outcome in outcomes.items()
        if not (ODD[name].says in outcome if ODD[name].says else outcome == LOADED)
    }
    assert wrong == {}
    (kept,) = syncing.rows(
        "select title, overview from movie where tmdb_id = :id",
        id=next(key for key, name in NAMES.items() if name == "ends of lines and fields"),
    )
    assert kept == {"title": IN_FILES, "overview": '\\N"{},\\'}


def test_nul_in_small_lists_is_dropped_as_it_is_in_movies(syncing):
    with serving(Smalls) as url:
        syncing.ask_at(url)
        assert syncing.run("reference")["state"] == "done"
    assert syncing.values("select distinct name from genre_translation") == ["AB"]
    (body,) = syncing.values("select body from reference where name = 'countries'")
    assert body["others"] == [{"id": 18, "name": "AB", "ab": ""}]


@pytest.mark.parametrize(
    ("handler", "told"),
    [(Elsewhere, "301 to https://elsewhere.example/3"), (Portal, "body: JSON is malformed")],
)
def test_an_answer_that_stops_a_stage_is_told_with_what_was_asked(syncing, handler, told):
    with serving(handler) as url:
        syncing.ask_at(url)
        with pytest.raises(BadAnswer):
            syncing.run("delta")
    assert f"/movie/changes: {told}" in syncing.last["error"]


def test_what_answers_everything_with_nonsense_cannot_put_the_catalogue_away(syncing):
    with serving(Portal) as url:
        syncing.ask_at(url)
        syncing.run("census")
        for _attempt in range(2):
            with pytest.raises(Unavailable):
                syncing.run("backfill")
    assert "between us and TMDb" in syncing.last["error"]
    assert syncing.values("select count(*) from quarantine") == [0]
    assert syncing.values("select count(*) from sync_item where state = 'pending'") == [150]


def test_nonsense_in_small_batches_is_put_away_no_further_than_in_large_ones(syncing):
    with serving(Portal) as url:
        syncing.ask_at(url)
        syncing.run("census")
        syncing.context = replace(syncing.context, batch_size=8)
        with pytest.raises(Unavailable):
            syncing.run("backfill")
    assert syncing.values("select count(*) from quarantine") == [16]
