"""Movies from files: what an import writes, and which movie a clue means."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from typing import Any

from catalog_asking import FIRST

from catalog.store.batches import take_writers_turn
from chassis.testing import eventually
from marquee.catalog.v1 import catalog_pb2 as pb
from marquee.catalog.v1 import events_pb2 as events


def imported(**changes):
    movie: dict[str, Any] = {
        "movie_id": 862,
        "title": "Toy Story",
        "release_date": "1995",
        "genre_names": ["Adventure", "Children", "Sci-Fi", "IMAX", "(no genres listed)"],
        "imdb_id": "tt0114709",
        "tags": ["pixar", "Pixar", "fun"],
    }
    return pb.ImportedMovie(**{**movie, **changes})


def test_an_import_maps_genres_and_keeps_tags_as_keywords(catalog, syncing):
    reply = catalog.BatchCreateMovies(movies=[imported()])
    assert (reply.created_count, reply.updated_count, reply.unchanged_count) == (1, 0, 0)
    reply = catalog.BatchCreateMovies(movies=[imported()])
    assert (reply.created_count, reply.updated_count, reply.unchanged_count) == (0, 0, 1)
    reply = catalog.BatchCreateMovies(movies=[imported(tags=["pixar"])])
    assert (reply.created_count, reply.updated_count, reply.unchanged_count) == (0, 1, 0)
    movie = catalog.GetMovie(movie_id=862, includes=[pb.MOVIE_INCLUDE_KEYWORDS])
    shown = movie.movie.movie
    names = [genre.name for genre in shown.genres]
    assert sorted(names) == ["Adventure", "Family", "Science Fiction"]
    assert [keyword.name for keyword in movie.keywords] == ["IMAX", "pixar"]
    assert (shown.source, shown.release_date, shown.version) == ("import", "1995-01-01", 2)
    payloads = syncing.values("select payload from outbox order by event_id")
    (fact,) = events.MoviesChanged.FromString(bytes(payloads[-1])).movies
    assert fact.keywords[0].keyword_id == 0


def test_a_synced_movie_is_not_overwritten_but_takes_over_an_import(catalog, syncing):
    catalog.BatchCreateMovies(movies=[imported(movie_id=FIRST)])
    syncing.run("all")
    synced = catalog.GetMovie(movie_id=FIRST).movie.movie
    assert synced.source == "standin"
    reply = catalog.BatchCreateMovies(movies=[imported(movie_id=FIRST)])
    assert reply.unchanged_count == 1
    assert catalog.GetMovie(movie_id=FIRST).movie.movie == synced


def test_an_import_that_tmdb_does_not_know_stays(catalog, syncing):
    catalog.BatchCreateMovies(movies=[imported(movie_id=999_999)])
    syncing.run("movies", movie_ids=[999_999])
    assert syncing.values("select state from sync_item") == ["gone"]
    assert not catalog.GetMovie(movie_id=999_999).movie.movie.removed


def test_who_writes_later_says_so_however_long_it_waited_for_its_turn(catalog, syncing):
    database = syncing.context.database
    waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    with ThreadPoolExecutor(1) as pool:
        with database.begin() as connection:
            take_writers_turn(connection)
            importing = pool.submit(catalog.BatchCreateMovies, movies=[imported()])
            eventually(lambda: syncing.values(waiting) == [1], within=20)
            (released_at,) = syncing.values("select clock_timestamp()")
        importing.result()
    (payload,) = syncing.values("select payload from outbox")
    changed_at = events.MoviesChanged.FromString(bytes(payload)).changed_at
    assert changed_at.ToDatetime(tzinfo=UTC) >= released_at


def test_an_import_is_found_by_either_of_its_titles(catalog):
    both = imported(title="Seven", original_title="Se7en")
    catalog.BatchCreateMovies(movies=[both])
    movie = catalog.GetMovie(movie_id=862).movie.movie
    assert (movie.title, movie.original_title) == ("Seven", "Se7en")
    clues = [{"title": title, "year": 1995} for title in ("Seven", "se7en", "Eight")]
    assert list(catalog.BatchMatchMovies(clues=clues).movie_ids) == [862, 862, 0]


def test_clues_find_the_one_movie_they_mean(catalog):
    catalog.BatchCreateMovies(
        movies=[
            imported(),
            imported(movie_id=2, title="Heat", imdb_id="tt0113277"),
            imported(movie_id=3, title="Heat", release_date="1986-11-13", imdb_id=""),
        ]
    )
    clues = [
        {"movie_id": 862},
        {"imdb_id": "tt0113277"},
        {"title": "TOY STORY!", "year": 1996},
        {"title": "Heat", "year": 1986},
        {"title": "Heat"},
        {"title": "Nothing", "year": 1986},
        {"movie_id": 999},
    ]
    found = catalog.BatchMatchMovies(clues=clues)
    assert list(found.movie_ids) == [862, 2, 862, 3, 0, 0, 0]
    assert list(found.candidates_counts) == [1, 1, 1, 1, 2, 0, 0]
