"""Writing what a source told: only what differs, with its facts, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.engine import Connection

from catalog.domain import MovieRecord, Votes, genres_and_tags
from catalog.operations import facts
from catalog.store import batches
from catalog.store.familiar import Familiar
from catalog.tmdb.parsing import content_hash
from marquee.catalog.v1 import catalog_pb2 as pb

IMPORT = "import"


@dataclass(frozen=True, slots=True)
class Written:
    """What a batch did."""

    created_count: int
    updated_count: int
    unchanged_count: int

    @property
    def changed_count(self) -> int:
        """Movies written anew or changed."""
        return self.created_count + self.updated_count


def load_movies(
    connection: Connection,
    source: str,
    records: Sequence[MovieRecord],
    at: datetime,
    familiar: Familiar,
) -> Written:
    """Bring movies in line with their source; takes over what was imported."""
    batches.take_writers_turn(connection)
    movies = sorted(records, key=lambda record: record.movie_id)
    known = batches.known_movies(connection, [movie.movie_id for movie in movies])
    new = [(movie, 1) for movie in movies if movie.movie_id not in known]
    changed = [
        (movie, known[movie.movie_id].version + 1)
        for movie in movies
        if movie.movie_id in known and _differs(known[movie.movie_id], source, movie)
    ]
    written = {movie.movie_id for movie, _ in (*new, *changed)}
    same = [movie for movie in movies if movie.movie_id not in written]
    # The new before the changed: both may name the same people.
    if new:
        batches.write_new(connection, source, new, familiar)
    if changed:
        batches.write_changed(connection, source, changed, familiar)
    voted = _voted(connection, same)
    facts.movies_changed(connection, source, [*new, *changed, *voted], at)
    return Written(len(new), len(changed) + len(voted), len(same) - len(voted))


def remove_movies(connection: Connection, movie_ids: Sequence[int], at: datetime) -> int:
    """Movies that are gone from their source; answers how many were still there."""
    if not movie_ids:
        return 0
    batches.take_writers_turn(connection)
    removed = batches.remove_movies(connection, movie_ids, at)
    facts.movies_removed(connection, removed, at)
    return len(removed)


def import_movies(
    connection: Connection, imported: Sequence[pb.ImportedMovie], at: datetime
) -> Written:
    """Movies from somebody's files; one that was synced is never overwritten."""
    batches.take_writers_turn(connection)
    records = {movie.movie_id: _imported_record(movie) for movie in imported}
    known = batches.known_movies(connection, list(records))
    ours = [
        record
        for movie_id, record in records.items()
        if movie_id not in known or known[movie_id].source == IMPORT
    ]
    written = load_movies(connection, IMPORT, ours, at, Familiar())
    unchanged_count = written.unchanged_count + len(records) - len(ours)
    return Written(written.created_count, written.updated_count, unchanged_count)


def _voted(connection: Connection, same: Sequence[MovieRecord]) -> list[tuple[MovieRecord, int]]:
    """Those whose votes alone moved, with their new versions."""
    versions = batches.write_votes(connection, same) if same else {}
    return [(movie, versions[movie.movie_id]) for movie in same if movie.movie_id in versions]


def _differs(known: batches.Known, source: str, movie: MovieRecord) -> bool:
    return known.content_hash != movie.content_hash or known.source != source or known.removed


def _imported_record(movie: pb.ImportedMovie) -> MovieRecord:
    genres, keywords = genres_and_tags(movie.genre_names, movie.tags)
    original_title = movie.original_title or movie.title
    fields = {
        "title": movie.title,
        "original_title": original_title,
        "release_date": imported_date(movie.release_date),
        "imdb_id": movie.imdb_id,
        "genres": genres,
        "keywords": keywords,
    }
    return MovieRecord(
        movie_id=movie.movie_id,
        title=movie.title,
        original_title=original_title,
        original_language="",
        overview="",
        tagline="",
        status="",
        homepage="",
        release_date=imported_date(movie.release_date),
        runtime_minutes=0,
        budget=0,
        revenue=0,
        imdb_id=movie.imdb_id,
        adult=False,
        poster_path="",
        backdrop_path="",
        votes=Votes(0.0, 0.0, 0),
        content_hash=content_hash(fields, ()),
        genres=genres,
        keywords=keywords,
    )


def imported_date(text: str) -> date | None:
    """A date, the first of January of a bare year, or none."""
    if len(text) == len("1999"):
        text += "-01-01"
    return date.fromisoformat(text) if text else None
