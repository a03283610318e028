"""Movies without a date are in no step of dates."""

import sqlalchemy as sa
from alembic import op

from chassis.migrations import renew_index

revision = "catalog_0011"
down_revision = "catalog_0010"
branch_labels = None
depends_on = None

_LIVE = "removed_at is null"
_STEP = "(least(greatest((release_date - '1900-01-01'::date) / 3653, 0), 20))"


def upgrade() -> None:
    _renew(f"{_LIVE} and release_date is not null")


def downgrade() -> None:
    _renew(_LIVE)


def _renew(where: str) -> None:
    renew_index(
        op.get_context(),
        "movie_date_step_popularity_idx",
        "movie",
        [sa.text(_STEP), "popularity", "tmdb_id"],
        postgresql_where=sa.text(where),
        postgresql_include=[
            "adult",
            "original_language",
            "release_date",
            "runtime_minutes",
            "vote_average",
            "vote_count",
        ],
    )
