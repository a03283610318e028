"""TMDb's own recorded answers, where they lie beside the checkout: parsed, or refused by name."""

import json
import os
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from msgspec.json import Decoder

from catalog.tmdb import shapes
from catalog.tmdb.errors import BadAnswer
from catalog.tmdb.parsing import movie_record, parsed

CHECKOUT = Path(__file__).parents[4]
SHARED = Path(os.environ.get("MARQUEE_SHARED") or CHECKOUT.parent / "shared")
RECORDED = SHARED / "tmdb" / "recorded"
FILES = sorted(RECORDED.glob("*/*.json"))
OK = 200

SHAPES: dict[str, Decoder[Any]] = {
    r"/3/genre/movie/list": shapes.GENRE_LIST,
    r"/3/configuration": shapes.CONFIGURATION,
    r"/3/movie/changes": shapes.CHANGES_PAGE,
    r"/3/(movie/(popular|top_rated|now_playing|upcoming)|trending/movie/\w+|discover/movie)": (
        shapes.LIST_PAGE
    ),
}

pytestmark = pytest.mark.skipif(not FILES, reason=f"no recordings under {RECORDED}")


MOVIE = re.compile(r"/3/movie/(\d+|\{movie_id\}|latest)")


def answers():
    """File, path ("" in one of the sources) and body of what was answered with 200."""
    for file in FILES:
        recorded = json.loads(file.read_text())
        if recorded["response"]["status"] == OK:
            path = (recorded["request"]["path"] or "").rstrip("/")
            yield file.name, path, recorded["response"]["body"]


def test_every_recorded_movie_is_read_or_refused_with_a_reason():
    read, refused = [], {}
    for name, path, body in answers():
        if MOVIE.fullmatch(path) or (not path and "imdb_id" in body and "title" in body):
            try:
                read.append(movie_record(int(body.get("id", 0)), orjson.dumps(body)))
            except BadAnswer as error:
                refused[name] = error.error
    assert len(read) >= 5
    assert all(refused.values())
    full = max(read, key=lambda movie: len(movie.credits))
    assert full.people
    assert full.keywords


def test_the_parts_of_movies_are_read():
    parts: dict[str, Decoder[Any]] = {
        "credits": shapes.decoder(shapes.Credits),
        "keywords": shapes.decoder(shapes.Keywords),
        "release_dates": shapes.decoder(shapes.ReleaseDates),
        "videos": shapes.decoder(shapes.Videos),
        "translations": shapes.decoder(shapes.Translations),
        "watch/providers": shapes.decoder(shapes.Providers),
    }
    seen = set()
    for _, path, body in answers():
        found = re.fullmatch(r"/3/movie/(?:\d+|\{movie_id\})/(.+)", path)
        if found and found[1] in parts:
            parsed(parts[found[1]], orjson.dumps(body))
            seen.add(found[1])
    assert seen == set(parts)


def test_lists_changes_and_reference_answers_are_read():
    seen = set()
    for _, path, body in answers():
        for pattern, shape in SHAPES.items():
            if re.fullmatch(pattern, path):
                parsed(shape, orjson.dumps(body))
                seen.add(pattern)
    assert seen == set(SHAPES)


def test_lines_of_a_real_export_are_read():
    lines = (RECORDED / "daily-export-sample" / "movie_ids.jsonl").read_bytes().splitlines()
    assert all(parsed(shapes.CENSUS_LINE, line).id > 0 for line in lines)
