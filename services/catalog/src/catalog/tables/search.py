"""What titles and names are found by."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from catalog.tables.columns import metadata, of_movie_unchecked, words_in
from chassis.database import timestamps


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


def _trigrams(name: str, column: str) -> sa.Index:
    operators = {column: "gin_trgm_ops"}
    return sa.Index(name, column, postgresql_using="gin", postgresql_ops=operators)


movie_title = sa.Table(
    "movie_title",
    metadata,
    of_movie_unchecked(),
    sa.Column("title_key", sa.Text, primary_key=True),
    *timestamps(),
    sa.Index(
        "movie_title_title_key_idx",
        "title_key",
        "movie_id",
        postgresql_ops={"title_key": "text_pattern_ops"},
    ),
    words_in("movie_title_words_idx", "title_key"),
)

title_word = _words_of("title_word")
name_word = _words_of("name_word")
