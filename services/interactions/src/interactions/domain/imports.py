"""Imports: another site's export, uploaded in chunks, read by a job, reported row by row."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis.errors import Conflict, Invalid, NotFound

SOURCES = ("letterboxd", "imdb", "trakt", "movielens")
FILE_BYTES = 20 * 1024 * 1024
CHUNK_BYTES = 1024 * 1024
CHUNKS = 20_480
FILENAME_LENGTH = 255
ROWS_AT_ONCE = 200
UNFINISHED_IMPORTS = 5
FINISHED_IMPORTS = 20
"""Of more of a person that have ended, the oldest are forgotten."""
REPORTED_ROWS = 10_000
"""Of more rows than these that cannot be used it is only told how many."""

UPLOADING, QUEUED, RUNNING, DONE, FAILED = "uploading", "queued", "running", "done", "failed"

RATING, WATCHLIST, FAVORITE, SEEN = "rating", "watchlist", "favorite", "seen"

_DIGEST_BYTES = 32
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_TITLE_LENGTH = 200


class ImportNotFound(NotFound):
    """There is no such import of the caller's."""


class ImportStarted(Conflict):
    """The import takes no more chunks."""


class ImportIncomplete(Conflict):
    """Chunks are missing."""


class TooManyImports(Conflict):
    """The person has as many unfinished imports as anybody may."""


class ImportMoved(Exception):
    """Somebody else has read on meanwhile: this run is in vain."""


@dataclass(frozen=True)
class Import:
    """How far an import is."""

    import_id: UUID
    user_id: UUID
    source: str
    filename: str
    state: str
    total_rows_count: int
    rows_count: int
    imported_count: int
    unchanged_count: int
    skipped_count: int
    error: str
    sequence: int
    content_sha256: bytes
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True)
class Clue:
    """What a row says of which movie it means; 0 and '' are unknown."""

    movie_id: int = 0
    imdb_id: str = ""
    title: str = ""
    year: int = 0

    @property
    def empty(self) -> bool:
        """Whether it says nothing at all."""
        return not (self.movie_id or self.imdb_id or self.title)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row that says something."""

    file: str
    number: int
    """1 is the first after the header."""
    kind: str
    clue: Clue
    at: datetime | None = None
    """None where the export does not say when: such a row only fills a gap."""
    rating: float = 0.0
    review: str = ""
    note: str = ""


@dataclass(frozen=True)
class Unusable:
    """A row that cannot become an interaction, and why."""

    file: str
    number: int
    title: str
    reason: str


Line = Row | Unusable


def checked_source(source: str, *, required: bool) -> str:
    """Where the export is from."""
    if source not in SOURCES and (source or required):
        raise Invalid(f"must be one of {', '.join(SOURCES)}", field="source")
    return source


def checked_chunk(number: int, data: bytes) -> None:
    """A piece of a file at its place."""
    if not 0 <= number < CHUNKS:
        raise Invalid(f"must be 0 to {CHUNKS - 1}", field="chunk_number")
    if not 0 < len(data) <= CHUNK_BYTES:
        raise Invalid(f"must be 1 to {CHUNK_BYTES} bytes", field="data")


def checked_digest(digest: bytes) -> bytes:
    """A SHA-256, or none."""
    if len(digest) not in (0, _DIGEST_BYTES):
        raise Invalid("is no SHA-256", field="content_sha256")
    return digest


def shown_title(text: str) -> str:
    """What a row named, fit to be shown in its report."""
    return _UNPRINTABLE.sub(" ", text).strip()[:_TITLE_LENGTH]


def unmatched(row: Row, candidates_count: int) -> Unusable:
    """A row whose movie the catalogue does not tell."""
    reason = (
        f"{candidates_count} movies fit it equally well"
        if candidates_count > 1
        else "no movie of the catalogue fits it"
    )
    return Unusable(row.file, row.number, shown_title(title_of(row.clue)), reason)


def title_of(clue: Clue) -> str:
    """What a row calls its movie."""
    year = f" ({clue.year})" if clue.title and clue.year else ""
    return f"{clue.title}{year}" or clue.imdb_id or str(clue.movie_id or "")


@dataclass(frozen=True)
class Progress:
    """What became of some rows."""

    rows_count: int
    imported_count: int
    skipped_count: int

    @property
    def unchanged_count(self) -> int:
        """Those that were known already."""
        return self.rows_count - self.imported_count - self.skipped_count


@dataclass(frozen=True)
class Mark:
    """A favorite, watchlist entry or hidden movie as it stands, perhaps taken back."""

    deleted_at: datetime | None

    def yields_to(self, at: datetime | None) -> bool:
        """What is there stays; what was taken back comes again only from a younger row."""
        return self.deleted_at is not None and at is not None and at > self.deleted_at


def fresh_marks(
    rows: Mapping[int, datetime | None], standing: Mapping[int, Mark]
) -> dict[int, datetime | None]:
    """By movie, those that change something."""
    return {
        movie_id: at
        for movie_id, at in rows.items()
        if movie_id not in standing or standing[movie_id].yields_to(at)
    }
