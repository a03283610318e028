"""What tables are made of: the columns, and an index, that several have."""

from typing import Any

import sqlalchemy as sa

from chassis import tables as chassis_tables
from chassis.database import metadata_naming

metadata = sa.MetaData(naming_convention=metadata_naming)
chassis_tables.attach(metadata)

MOMENT = sa.DateTime(timezone=True)
EMPTY = sa.text("''")
ZERO = sa.text("0")
FALSE = sa.text("false")
EMPTY_OBJECT = sa.text("'{}'::jsonb")
EMPTY_ARRAY = sa.text("'{}'")


def text(name: str) -> sa.Column[str]:
    """A text, empty when unknown."""
    return sa.Column(name, sa.Text, nullable=False, server_default=EMPTY)


def number(name: str, kind: type[sa.types.TypeEngine[Any]] = sa.BigInteger) -> sa.Column[Any]:
    """A number, zero when unknown."""
    return sa.Column(name, kind, nullable=False, server_default=ZERO)


def of_movie() -> sa.Column[int]:
    """The movie that a row belongs to."""
    return sa.Column("movie_id", sa.BigInteger, sa.ForeignKey("movie.tmdb_id"), primary_key=True)


def of_movie_unchecked() -> sa.Column[int]:
    """Without a foreign key: checking each of a movie's fifty rows took a third of the sync.

    Rows come from the one writer, after their movie, in its transaction; movies are never deleted.
    """
    return sa.Column("movie_id", sa.BigInteger, primary_key=True)


def words_in(name: str, column: str) -> sa.Index:
    """Finds a key by any of its words."""
    return sa.Index(name, sa.text(f"to_tsvector('simple', {column})"), postgresql_using="gin")
