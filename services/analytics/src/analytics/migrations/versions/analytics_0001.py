"""Activity by month, what refuses its repetition, and rollups."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import CIDR, JSONB

revision = "analytics_0001"
down_revision = None
branch_labels = ("analytics",)
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_TYPES = (
    "login",
    "logout",
    "view_movie",
    "rate_movie",
    "add_favorite",
    "remove_favorite",
    "add_watchlist",
    "remove_watchlist",
    "search",
    "view_recommendations",
    "click_recommendation",
)
_TABLES = (
    "user_activity",
    "activity_seen",
    "activity_deletion",
    "pseudonym_salt",
    "activity_rollup",
    "activity_actor",
    "recommendation_rollup",
    "recommendation_movie",
    "api_usage_rollup",
)
_MONTHS_BEFORE, _MONTHS_AHEAD = 1, 3


def upgrade() -> None:
    _create_user_activity()
    _create_partitions()
    _create_memory()
    _create_rollups()


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)


def _create_user_activity() -> None:
    types = ", ".join(f"'{name}'" for name in _TYPES)
    op.create_table(
        "user_activity",
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("activity_id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid),
        sa.Column("pseudonym", sa.Uuid),
        sa.Column("activity_type", sa.Text, nullable=False),
        sa.Column("movie_id", sa.BigInteger),
        sa.Column("metadata", JSONB, nullable=False),
        sa.Column("address", CIDR),
        sa.Column("agent", sa.Text),
        sa.Column("occurred_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("received_at", "activity_id", name="user_activity_pkey"),
        _check("user_activity", "activity_type", f"activity_type in ({types})"),
        _check("user_activity", "actor", "(user_id is null) <> (pseudonym is null)"),
        _check(
            "user_activity",
            "nameless",
            "pseudonym is null or (address is null and agent is null)",
        ),
        _check(
            "user_activity",
            "address",
            "masklen(address) <= case family(address) when 4 then 24 else 48 end",
        ),
        postgresql_partition_by="RANGE (received_at)",
    )
    _index("listed", ["user_id", "occurred_at", "activity_id"], "user_id is not null")
    _index(
        "typed", ["user_id", "activity_type", "occurred_at", "activity_id"], "user_id is not null"
    )
    _index("movie", ["movie_id"], "movie_id is not null")
    op.create_index(
        "user_activity_time_idx",
        "user_activity",
        ["received_at", "occurred_at"],
        postgresql_using="brin",
    )


def _create_partitions() -> None:
    now = datetime.now(UTC)
    this = now.year * 12 + now.month - 1
    for number in range(this - _MONTHS_BEFORE, this + _MONTHS_AHEAD + 1):
        start, end = _first_of(number), _first_of(number + 1)
        op.execute(
            f"create table user_activity_{start[:7].replace('-', '_')} partition of user_activity "
            f"for values from ('{start} 00:00:00+00') to ('{end} 00:00:00+00')"
        )


def _first_of(number: int) -> str:
    return f"{number // 12:04}-{number % 12 + 1:02}-01"


def _create_memory() -> None:
    op.create_table(
        "activity_seen",
        sa.Column("event_key", sa.Uuid, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("event_key", name="activity_seen_pkey"),
    )
    op.create_index(
        "activity_seen_created_at_idx", "activity_seen", ["created_at"], postgresql_using="brin"
    )
    op.create_table(
        "activity_deletion",
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("activity_type", sa.Text, nullable=False),
        sa.Column("deleted_at", _MOMENT, nullable=False),
        *_timestamps(),
        sa.PrimaryKeyConstraint("user_id", "activity_type", name="activity_deletion_pkey"),
    )
    op.create_table(
        "pseudonym_salt",
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("day", name="pseudonym_salt_pkey"),
    )


def _create_rollups() -> None:
    _create_rollup("activity_rollup", {"activity_type": sa.Text}, ["count", "users_count"])
    _create_rollup("activity_actor", {"activity_type": sa.Text, "actor": sa.Uuid}, [])
    op.create_index("activity_actor_actor_idx", "activity_actor", ["actor"])
    _create_rollup(
        "recommendation_rollup",
        {"recommendation_type": sa.Text},
        ["impressions_count", "clicks_count"],
    )
    _create_rollup(
        "recommendation_movie",
        {"recommendation_type": sa.Text, "movie_id": sa.BigInteger},
        ["impressions_count"],
    )
    _create_rollup(
        "api_usage_rollup",
        {"route": sa.Text, "method": sa.Text, "status": sa.Integer, "client": sa.Text},
        ["requests_count"],
        sa.Column("total_milliseconds", sa.Double, nullable=False),
    )


def _create_rollup(
    name: str, keys: dict[str, Any], counts: list[str], *more: sa.Column[Any]
) -> None:
    op.create_table(
        name,
        sa.Column("granularity", sa.Text, nullable=False),
        sa.Column("bucket", _MOMENT, nullable=False),
        *[sa.Column(key, kind, autoincrement=False, nullable=False) for key, kind in keys.items()],
        *[sa.Column(count, sa.BigInteger, nullable=False) for count in counts],
        *more,
        *_timestamps(),
        sa.PrimaryKeyConstraint("granularity", "bucket", *keys, name=f"{name}_pkey"),
        _check(name, "granularity", "granularity in ('hour', 'day')"),
    )


def _check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"{table}_{name}_check"))


def _index(name: str, columns: list[str], condition: str) -> None:
    op.create_index(
        f"user_activity_{name}_idx",
        "user_activity",
        columns,
        postgresql_where=sa.text(condition),
    )


def _timestamps() -> list[sa.Column[object]]:
    return [
        sa.Column(name, _MOMENT, nullable=False, server_default=sa.func.now())
        for name in ("created_at", "updated_at")
    ]
