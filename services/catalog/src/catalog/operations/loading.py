"""Writing what a source told: only what differs, with its facts, in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy.engine import Connection

from catalog.domain.genres import genres_and_tags
from catalog.domain.movies import MovieRecord, Votes
from catalog.domain.titles import title_keys
from catalog.operations import facts
from catalog.store import batches
from catalog.store.familiar import Familiar
from catalog.tmdb.parsing import content_hash
from marquee.catalog.v1 import catalog_pb2 as pb
from marquee.catalog.v1 import events_pb2 as events

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


@dataclass(frozen=True, slots=True)
class Ready:
    """Movies as they are written and told if none of them is stored yet."""

    movies: Sequence[MovieRecord]
    """In the order of ids."""
    packed: batches.Packed
    facts: Sequence[events.MovieFacts]
    is_shared: bool = False
    """Whether the people, keywords and words of these are written already."""


def ready(source: str, records: Sequence[MovieRecord]) -> Ready:
    """What of writing new movies needs no database: done while the batch before is written."""
    new = [(movie, 1) for movie in sorted(records, key=_movie_id)]
    movies = [movie for movie, _ in new]
    return Ready(movies, batches.packed_new(source, new), facts.facts_of(source, new))


def share(connection: Connection, made_ready: Ready, familiar: Familiar) -> Ready:
    """Write what these movies share with others before it is their turn: it is right with them or
    without."""
    keys = made_ready.packed.title_keys
    batches.write_shared(connection, made_ready.movies, keys, familiar)
    return replace(made_ready, is_shared=True)


def load_movies(
    connection: Connection,
    source: str,
    records: Sequence[MovieRecord],
    familiar: Familiar,
    made_ready: Ready | None = None,
) -> Written:
    """Bring movies in line with their source; takes over what was imported.

    What was made ready of other movies than are new here is made anew.
    """
    at = batches.take_writers_turn(connection)
    known = batches.known_movies(connection, [movie.movie_id for movie in records])
    return _load(connection, source, records, known, at, familiar, made_ready)


def _load(
    connection: Connection,
    source: str,
    records: Sequence[MovieRecord],
    known: Mapping[int, batches.Known],
    at: datetime,
    familiar: Familiar,
    made_ready: Ready | None = None,
) -> Written:
    movies = sorted(records, key=_movie_id)
    if made_ready and len(made_ready.movies) != len(movies):
        made_ready = None
    new = [movie for movie in movies if movie.movie_id not in known]
    changed = [
        (movie, known[movie.movie_id].version + 1)
        for movie in movies
        if movie.movie_id in known and _differs(known[movie.movie_id], source, movie)
    ]
    written = [*new, *(movie for movie, _ in changed)]
    ids_written = {movie.movie_id for movie in written}
    same = [movie for movie in movies if movie.movie_id not in ids_written]
    told = list[events.MovieFacts]()
    if written and not (made_ready and made_ready.is_shared):
        keys = {key for movie in written for key in title_keys(movie)}
        batches.write_shared(connection, written, keys, familiar)
    if new:
        if made_ready is None or len(new) < len(movies):
            made_ready = ready(source, new)
        batches.write_new(connection, made_ready.packed)
        told += made_ready.facts
    if changed:
        batches.write_changed(connection, source, changed)
    voted = _voted(connection, same)
    told += facts.facts_of(source, [*changed, *voted])
    facts.movies_changed(connection, told, at)
    return Written(len(new), len(changed) + len(voted), len(same) - len(voted))


def remove_movies(connection: Connection, source: str, movie_ids: Sequence[int]) -> Sequence[int]:
    """Movies that are gone from their source; answers those that were still there."""
    if not movie_ids:
        return []
    at = batches.take_writers_turn(connection)
    removed = batches.remove_movies(connection, source, movie_ids, at)
    facts.movies_removed(connection, removed, at)
    return removed


def import_movies(connection: Connection, imported: Sequence[pb.ImportedMovie]) -> Written:
    """Movies from somebody's files; one that was synced is never overwritten."""
    at = batches.take_writers_turn(connection)
    records = {movie.movie_id: _imported_record(movie) for movie in imported}
    known = batches.known_movies(connection, list(records))
    ours = [
        record
        for movie_id, record in records.items()
        if movie_id not in known or known[movie_id].source == IMPORT
    ]
    written = _load(connection, IMPORT, ours, known, at, Familiar())
    unchanged_count = written.unchanged_count + len(records) - len(ours)
    return Written(written.created_count, written.updated_count, unchanged_count)


def _voted(connection: Connection, same: Sequence[MovieRecord]) -> list[tuple[MovieRecord, int]]:
    """Those whose votes alone moved, with their new versions."""
    versions = batches.write_votes(connection, same) if same else {}
    return [(movie, versions[movie.movie_id]) for movie in same if movie.movie_id in versions]


def _movie_id(movie: MovieRecord) -> int:
    return movie.movie_id


def _differs(known: batches.Known, source: str, movie: MovieRecord) -> bool:
    return known.content_hash != movie.content_hash or known.source != source or known.removed


def _imported_record(movie: pb.ImportedMovie) -> MovieRecord:
    genres, keywords = genres_and_tags(movie.genre_names, movie.tags)
    original_title = movie.original_title or movie.title
    release_date = imported_date(movie.release_date)
    fields = {
        "title": movie.title,
        "original_title": original_title,
        "release_date": release_date,
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
        release_date=release_date,
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
