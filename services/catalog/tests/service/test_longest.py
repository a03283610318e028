"""Movies whose texts are all as long as they may be, in the characters with the most bytes."""

import json
import re
from typing import Any

import pytest
from catalog_serving import Handler, serving

from catalog.tmdb.shapes import LONGEST
from marquee.catalog.v1 import catalog_pb2 as pb

MOVIES = range(1, 501)
FULL = 501
LONG = "\U0001f3ac" * LONGEST
PEOPLE = 200
IMAGES = {"secure_base_url": "https://images.example/"} | {
    f"{kind}_sizes": [] for kind in ("poster", "backdrop", "profile", "logo")
}
NAMES = ("title", "original_title", "original_language", "overview", "poster_path", "backdrop_path")
TEXTS = dict.fromkeys(NAMES, LONG)
GENRES = [{"id": number, "name": "\U0001f3ac" * 100} for number in range(1, 41)]
WORDS = {"title": LONG, "overview": LONG, "tagline": LONG}
TRANSLATION = {"iso_639_1": "de", "iso_3166_1": "DE", "data": WORDS}
MOVIE: dict[str, Any] = {
    **TEXTS,
    "popularity": 1.5,
    "genres": GENRES,
    "translations": {"translations": [TRANSLATION]},
}
PERSON = {"name": LONG, "character": LONG, "profile_path": LONG}


class Answers(Handler):
    """Nothing but long movies, and one with many long people."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        told: Any = {"genres": GENRES, "images": IMAGES}
        if found := re.fullmatch(r"/movie/(\d+)", path):
            told = {"id": int(found[1]), **MOVIE}
            if told["id"] == FULL:
                cast = [{"id": number, **PERSON} for number in range(1, PEOPLE + 1)]
                told["credits"] = {"cast": cast}
        self.tell(json.dumps(told, ensure_ascii=False).encode(), Date=self.date_time_string())


@pytest.fixture
def longest(syncing, catalog):
    with serving(Answers) as url:
        syncing.ask_at(url)
        syncing.run("reference")
        syncing.run("movies", movie_ids=[*MOVIES])
        syncing.run("movies", movie_ids=[FULL])
    assert syncing.values("select error from quarantine") == []
    return catalog


def test_the_largest_answers_hold_the_longest_movies(longest):
    for language in ("en", "de"):
        batch = longest.BatchGetMovies(movie_ids=[*MOVIES], language=language).movies
        assert len(batch) == len(MOVIES)
        for movie in batch:
            assert all(getattr(movie, name) == LONG for name in NAMES)
            assert len(movie.genres) == len(GENRES)
    page = longest.ListMovies(page_size=100).movies
    assert [len(movie.overview) for movie in page] == [LONGEST] * 100
    includes = [pb.MOVIE_INCLUDE_CREDITS]
    assert len(longest.GetMovie(movie_id=FULL, includes=includes).credits) == PEOPLE
    assert len(longest.ListCredits(movie_id=FULL, page_size=100).credits) == 100
