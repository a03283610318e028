"""Taking a person out of every table."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from recommender.tables import (
    interaction,
    preferences,
    ranked_list,
    recommendation,
    served_page,
    taste,
)


def forget(connection: Connection, user_id: UUID) -> tuple[int, list[int]]:
    """Delete a person's rows: how many there were, and the movies they had to do with."""
    # Preferences first: who makes lists ahead holds them until these are there to be deleted. Pages
    # next: they are on their way into the history.
    tables = (preferences, served_page, recommendation, ranked_list, taste)
    deleted = sum(
        connection.execute(sa.delete(table).where(table.c.user_id == user_id)).rowcount
        for table in tables
    )
    theirs = sa.delete(interaction).where(interaction.c.user_id == user_id)
    movie_ids = list(connection.execute(theirs.returning(interaction.c.movie_id)).scalars())
    return deleted + len(movie_ids), sorted(set(movie_ids))
