"""Search by words that are nearly those; large tables without a check of every row."""

# ruff: noqa: S608 - the names put into these statements are constants

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "catalog_0002"
down_revision = "catalog_0001"
branch_labels = None
depends_on = None

_UNCHECKED = (
    ("credit", "movie_id", "movie.tmdb_id"),
    ("credit", "person_id", "person.person_id"),
    ("movie_keyword", "keyword_id", "keyword.keyword_id"),
    ("movie_keyword", "movie_id", "movie.tmdb_id"),
    ("movie_title", "movie_id", "movie.tmdb_id"),
    ("translation", "movie_id", "movie.tmdb_id"),
)
_WORDS = (("title_word", "movie_title", "title_key"), ("name_word", "person", "name_key"))
_TRIGRAMS = (
    ("movie_title_trigram_idx", "movie_title", "title_key"),
    ("person_trigram_idx", "person", "name_key"),
)


def upgrade() -> None:
    for table, column, _ in _UNCHECKED:
        op.drop_constraint(f"{table}_{column}_fkey", table, type_="foreignkey")
    for words, table, key in _WORDS:
        _create_words(words)
        op.execute(
            f"insert into {words} (word, near) select w, array(select distinct"
            " substr(w, 1, i - 1) || substr(w, i + 1) from generate_series(1, length(w) + 1) i)"
            f" from (select distinct unnest(string_to_array({key}, ' ')) as w from {table}) k"
            " where length(w) between 1 and 40"
        )
    op.create_index(
        "person_words_idx",
        "person",
        [sa.text("to_tsvector('simple', name_key)")],
        postgresql_using="gin",
    )
    for name, table, _ in _TRIGRAMS:
        op.drop_index(name, table_name=table)


def downgrade() -> None:
    for name, table, column in _TRIGRAMS:
        op.create_index(
            name, table, [column], postgresql_using="gin", postgresql_ops={column: "gin_trgm_ops"}
        )
    op.drop_index("person_words_idx", table_name="person")
    for words, _, _ in _WORDS:
        op.drop_table(words)
    for table, column, target in _UNCHECKED:
        other, _, key = target.partition(".")
        op.create_foreign_key(f"{table}_{column}_fkey", table, other, [column], [key])


def _create_words(name: str) -> None:
    op.create_table(
        name,
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("near", postgresql.ARRAY(sa.Text()), nullable=False),
        *(
            sa.Column(
                column,
                sa.DateTime(timezone=True),
                server_default=sa.text("now()"),
                nullable=False,
            )
            for column in ("created_at", "updated_at")
        ),
        sa.PrimaryKeyConstraint("word", name=f"{name}_pkey"),
    )
    op.create_index(f"{name}_near_idx", name, ["near"], postgresql_using="gin")
    op.create_index(
        f"{name}_trigram_idx",
        name,
        ["word"],
        postgresql_using="gin",
        postgresql_ops={"word": "gin_trgm_ops"},
    )
