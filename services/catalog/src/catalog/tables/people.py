"""People, and what they did in movies."""

import sqlalchemy as sa

from catalog.tables.columns import metadata, number, of_movie_unchecked, text, words_in
from chassis.database import timestamps

person = sa.Table(
    "person",
    metadata,
    sa.Column("person_id", sa.BigInteger, primary_key=True, autoincrement=False),
    text("name"),
    text("name_key"),
    text("known_for_department"),
    text("profile_path"),
    number("popularity", sa.Double),
    *timestamps(),
    sa.Index(
        "person_name_key_idx",
        "name_key",
        "person_id",
        postgresql_ops={"name_key": "text_pattern_ops"},
    ),
    words_in("person_words_idx", "name_key"),
)

credit = sa.Table(
    "credit",
    metadata,
    of_movie_unchecked(),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("person_id", sa.BigInteger, nullable=False),
    text("department"),
    text("job"),
    text("character"),
    number("billing_order", sa.Integer),
    *timestamps(),
    sa.Index("credit_person_id_idx", "person_id", "movie_id"),
)
