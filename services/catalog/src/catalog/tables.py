"""The catalog's tables. `movie_id` is always the TMDb id; `movie.id` never leaves the table."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from chassis import tables as chassis_tables
from chassis.database import metadata_naming, timestamps

metadata = sa.MetaData(naming_convention=metadata_naming)
chassis_tables.attach(metadata)

_MOMENT = sa.DateTime(timezone=True)
_EMPTY = sa.text("''")
_ZERO = sa.text("0")
_FALSE = sa.text("false")
_EMPTY_OBJECT = sa.text("'{}'::jsonb")
_EMPTY_ARRAY = sa.text("'{}'")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default=_EMPTY)


def _number(name: str, kind: type[sa.types.TypeEngine[Any]] = sa.BigInteger) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, server_default=_ZERO)


def _of_movie() -> sa.Column[int]:
    return sa.Column("movie_id", sa.BigInteger, sa.ForeignKey("movie.tmdb_id"), primary_key=True)


def _of_movie_unchecked() -> sa.Column[int]:
    """Without a foreign key: checking each of a movie's fifty rows took a third of the sync.

    Rows come from the one writer, after their movie, in its transaction; movies are never deleted.
    """
    return sa.Column("movie_id", sa.BigInteger, primary_key=True)


def _words_of(name: str) -> sa.Table:
    """All words there are in the keys of search; near: without any one letter, and whole."""
    return sa.Table(
        name,
        metadata,
        sa.Column("word", sa.Text, primary_key=True),
        sa.Column("near", ARRAY(sa.Text), nullable=False),
        *timestamps(),
        sa.Index(f"{name}_near_idx", "near", postgresql_using="gin"),
        _trigrams(f"{name}_trigram_idx", "word"),
    )


def _words_in(name: str, column: str) -> sa.Index:
    return sa.Index(name, sa.text(f"to_tsvector('simple', {column})"), postgresql_using="gin")


def _trigrams(name: str, column: str) -> sa.Index:
    operators = {column: "gin_trgm_ops"}
    return sa.Index(name, column, postgresql_using="gin", postgresql_ops=operators)


collection = sa.Table(
    "collection",
    metadata,
    sa.Column("collection_id", sa.BigInteger, primary_key=True, autoincrement=False),
    _text("name"),
    _text("overview"),
    _text("poster_path"),
    _text("backdrop_path"),
    *timestamps(),
)

_LIVE = sa.text("removed_at is null")
COMPARED = ("adult", "original_language", "popularity", "release_date", "runtime_minutes",
             "vote_average", "vote_count")  # fmt: skip


def _browsed(column: str) -> sa.Index:
    """An order of browsing or the beginning of a filter, with all that is compared and sorted by
    beside it: what is dropped is never fetched."""
    included = [name for name in COMPARED if name != column]
    return sa.Index(
        f"movie_{column}_idx",
        column,
        "tmdb_id",
        postgresql_where=_LIVE,
        postgresql_include=included,
    )


RUNTIME_STEP: Any = sa.literal_column("least((runtime_minutes + 14) / 15, 20)", sa.Integer)
RATING_STEP: Any = sa.literal_column("least(floor(vote_average * 2)::integer, 19)", sa.Integer)
DATE_STEP: Any = sa.literal_column(
    "least(greatest((release_date - '1900-01-01'::date) / 3653, 0), 20)", sa.Integer
)


_DATED = sa.text("removed_at is null and release_date is not null")


def _stepped(
    step: sa.ColumnElement[Any], name: str, column: str, where: sa.TextClause = _LIVE
) -> sa.Index:
    """A filter in steps, each in an order of its own: `browsing` walks several at once."""
    included = [one for one in COMPARED if one != column]
    return sa.Index(
        name,
        step,
        column,
        "tmdb_id",
        postgresql_where=where,
        postgresql_include=included,
    )


movie = sa.Table(
    "movie",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("tmdb_id", sa.BigInteger, nullable=False),
    _number("version"),
    _text("source"),
    _text("title"),
    _text("original_title"),
    _text("original_language"),
    _text("title_key"),
    _text("overview"),
    _text("tagline"),
    _text("status"),
    _text("homepage"),
    sa.Column("release_date", sa.Date),
    _number("runtime_minutes", sa.Integer),
    _number("budget"),
    _number("revenue"),
    _text("imdb_id"),
    sa.Column("adult", sa.Boolean, nullable=False, server_default=_FALSE),
    _text("poster_path"),
    _text("backdrop_path"),
    _number("popularity", sa.Double),
    _number("vote_average", sa.Double),
    _number("vote_count"),
    sa.Column("collection_id", sa.BigInteger, sa.ForeignKey("collection.collection_id")),
    sa.Column("external_ids", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    sa.Column("production_countries", ARRAY(sa.Text), nullable=False, server_default=_EMPTY_ARRAY),
    sa.Column("spoken_languages", ARRAY(sa.Text), nullable=False, server_default=_EMPTY_ARRAY),
    sa.Column("watch_providers", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    sa.Column("content_hash", sa.LargeBinary, nullable=False),
    sa.Column("removed_at", _MOMENT),
    *timestamps(),
    sa.UniqueConstraint("tmdb_id"),
    sa.CheckConstraint("source in ('tmdb', 'standin', 'import')", name="source"),
    _browsed("popularity"),
    _browsed("vote_average"),
    _browsed("release_date"),
    _browsed("title_key"),
    _browsed("vote_count"),
    _browsed("runtime_minutes"),
    _browsed("original_language"),
    _stepped(RUNTIME_STEP, "movie_runtime_step_popularity_idx", "popularity"),
    # Else the first step would have what is without a date: least and greatest pass over null.
    _stepped(DATE_STEP, "movie_date_step_popularity_idx", "popularity", _DATED),
    _stepped(RATING_STEP, "movie_rating_step_release_date_idx", "release_date"),
    sa.Index("movie_collection_id_idx", "collection_id", "release_date", "tmdb_id"),
    sa.Index("movie_imdb_id_idx", "imdb_id", postgresql_where=sa.text("imdb_id <> ''")),
)

genre = sa.Table(
    "genre",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("tmdb_id", sa.BigInteger, nullable=False),
    _text("name"),
    *timestamps(),
    sa.UniqueConstraint("tmdb_id"),
)

genre_translation = sa.Table(
    "genre_translation",
    metadata,
    sa.Column("genre_id", sa.BigInteger, sa.ForeignKey("genre.tmdb_id"), primary_key=True),
    sa.Column("language", sa.Text, primary_key=True),
    _text("name"),
    *timestamps(),
)

movie_genre = sa.Table(
    "movie_genre",
    metadata,
    _of_movie(),
    sa.Column("genre_id", sa.BigInteger, sa.ForeignKey("genre.tmdb_id"), primary_key=True),
    *timestamps(),
    sa.Index("movie_genre_genre_id_idx", "genre_id", "movie_id"),
)

movie_title = sa.Table(
    "movie_title",
    metadata,
    _of_movie_unchecked(),
    sa.Column("title_key", sa.Text, primary_key=True),
    *timestamps(),
    sa.Index(
        "movie_title_title_key_idx",
        "title_key",
        "movie_id",
        postgresql_ops={"title_key": "text_pattern_ops"},
    ),
    _words_in("movie_title_words_idx", "title_key"),
)

title_word = _words_of("title_word")
name_word = _words_of("name_word")

translation = sa.Table(
    "translation",
    metadata,
    _of_movie_unchecked(),
    sa.Column("language", sa.Text, primary_key=True),
    sa.Column("region", sa.Text, primary_key=True),
    _text("title"),
    _text("overview"),
    _text("tagline"),
    *timestamps(),
)

person = sa.Table(
    "person",
    metadata,
    sa.Column("person_id", sa.BigInteger, primary_key=True, autoincrement=False),
    _text("name"),
    _text("name_key"),
    _text("known_for_department"),
    _text("profile_path"),
    _number("popularity", sa.Double),
    *timestamps(),
    sa.Index(
        "person_name_key_idx",
        "name_key",
        "person_id",
        postgresql_ops={"name_key": "text_pattern_ops"},
    ),
    _words_in("person_words_idx", "name_key"),
)

credit = sa.Table(
    "credit",
    metadata,
    _of_movie_unchecked(),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("person_id", sa.BigInteger, nullable=False),
    _text("department"),
    _text("job"),
    _text("character"),
    _number("billing_order", sa.Integer),
    *timestamps(),
    sa.Index("credit_person_id_idx", "person_id", "movie_id"),
)

keyword = sa.Table(
    "keyword",
    metadata,
    sa.Column("keyword_id", sa.BigInteger, primary_key=True, autoincrement=False),
    _text("name"),
    *timestamps(),
)

movie_keyword = sa.Table(
    "movie_keyword",
    metadata,
    _of_movie_unchecked(),
    sa.Column("keyword_id", sa.BigInteger, primary_key=True),
    *timestamps(),
    sa.Index("movie_keyword_keyword_id_idx", "keyword_id", "movie_id"),
)

video = sa.Table(
    "video",
    metadata,
    _of_movie_unchecked(),
    sa.Column("video_id", sa.Text, primary_key=True),
    _text("name"),
    _text("site"),
    _text("key"),
    _text("type"),
    _text("language"),
    sa.Column("official", sa.Boolean, nullable=False, server_default=_FALSE),
    *timestamps(),
)

certification = sa.Table(
    "certification",
    metadata,
    _of_movie_unchecked(),
    sa.Column("region", sa.Text, primary_key=True),
    _text("certification"),
    *timestamps(),
)

featured_movie = sa.Table(
    "featured_movie",
    metadata,
    sa.Column("list_name", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("movie_id", sa.BigInteger, nullable=False),
    *timestamps(),
)

reference = sa.Table(
    "reference",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("body", JSONB, nullable=False),
    *timestamps(),
)
"""TMDb's small lists as it sends them: configuration, languages, countries, certifications."""

sync_item = sa.Table(
    "sync_item",
    metadata,
    sa.Column("movie_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("source", sa.Text, primary_key=True),
    _number("popularity", sa.Double),
    sa.Column("state", sa.Text, nullable=False, server_default="pending"),
    sa.Column("adult", sa.Boolean, nullable=False, server_default=_FALSE),
    sa.Column("attempts", sa.Integer, nullable=False, server_default=_ZERO),
    sa.Column("missing_count", sa.Integer, nullable=False, server_default=_ZERO),
    sa.Column("next_at", _MOMENT, nullable=False, server_default=sa.func.now()),
    sa.Column("changed_at", _MOMENT),
    sa.Column("as_of", _MOMENT),
    # Of releases that wrote their leases on each movie, while one of them may still run.
    sa.Column("leased_by", sa.Uuid),
    *timestamps(),
    sa.CheckConstraint("state in ('pending', 'done', 'gone', 'quarantined')", name="state"),
    sa.Index(
        "sync_item_pending_idx",
        "source",
        sa.text("greatest(popularity, 1) desc"),
        "movie_id",
        postgresql_where=sa.text("state = 'pending'"),
    ),
    sa.Index(
        "sync_item_changed_idx",
        "source",
        "movie_id",
        postgresql_where=sa.text("state = 'pending' and changed_at is not null"),
    ),
    sa.Index(
        "sync_item_as_of_idx",
        "source",
        "as_of",
        "movie_id",
        postgresql_where=sa.text("state = 'done'"),
    ),
    postgresql_with={"fillfactor": "80"},
)

sync_lease = sa.Table(
    "sync_lease",
    metadata,
    sa.Column("lease_id", sa.Uuid, primary_key=True),
    sa.Column("sync_run_id", sa.Uuid, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("movie_ids", ARRAY(sa.BigInteger), nullable=False),
    *timestamps(),
)
"""Batches of the queue that somebody fetches now."""

sync_run = sa.Table(
    "sync_run",
    metadata,
    sa.Column("sync_run_id", sa.Uuid, primary_key=True),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, server_default="queued"),
    sa.Column("request_id", sa.Text),
    sa.Column("parameters", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    sa.Column("started_at", _MOMENT),
    sa.Column("finished_at", _MOMENT),
    _number("done_count"),
    sa.Column("remaining_count", sa.BigInteger, nullable=False, server_default=sa.text("-1")),
    _number("changed_count"),
    _number("quarantined_count"),
    _number("requests_count"),
    _text("error"),
    sa.Column("unknown_fields", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    *timestamps(),
    sa.UniqueConstraint("request_id"),
    sa.CheckConstraint("state in ('queued', 'running', 'done', 'failed')", name="state"),
    sa.Index(
        "sync_run_unfinished_idx",
        "stage",
        "source",
        postgresql_where=sa.text("state in ('queued', 'running')"),
    ),
)

sync_watermark = sa.Table(
    "sync_watermark",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    *timestamps(),
)

sync_speaker = sa.Table(
    "sync_speaker",
    metadata,
    sa.Column("speaker_id", sa.Uuid, primary_key=True),
    sa.Column("seen_at", _MOMENT, nullable=False),
    *timestamps(),
)
"""Processes that ask TMDb now, and share its rate."""

quarantine = sa.Table(
    "quarantine",
    metadata,
    sa.Column("quarantine_entry_id", sa.Uuid, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("source_id", sa.BigInteger, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("parser_version", sa.Integer, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("1")),
    sa.Column("state", sa.Text, nullable=False, server_default="open"),
    sa.Column("quarantined_at", _MOMENT, nullable=False, server_default=sa.func.now()),
    *timestamps(),
    sa.UniqueConstraint("kind", "source", "source_id"),
    sa.CheckConstraint("state in ('open', 'retrying', 'resolved')", name="state"),
)
