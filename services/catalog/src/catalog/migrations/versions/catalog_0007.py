"""The planner learns how much a step of a filter holds: of partial indexes it believes nothing."""

from alembic import op

revision = "catalog_0007"
down_revision = "catalog_0006"
branch_labels = None
depends_on = None

_STEPS = {
    "movie_runtime_step_statistics": "least((runtime_minutes + 14) / 15, 20)",
    "movie_date_step_statistics": (
        "least(greatest((release_date - '1900-01-01'::date) / 3653, 0), 20)"
    ),
    "movie_rating_step_statistics": "least(floor(vote_average * 2)::integer, 19)",
}


def upgrade() -> None:
    for name, step in _STEPS.items():
        op.execute(f"create statistics if not exists {name} on ({step}) from movie")


def downgrade() -> None:
    for name in _STEPS:
        op.execute(f"drop statistics if exists {name}")
