"""Tables: activity by month of receipt, what refuses its repetition, and what it adds up to."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import CIDR, JSONB

from analytics.domain.activities import ACTIVITY_TYPES
from chassis.database import metadata_naming, timestamps
from chassis.tables import attach

metadata = sa.MetaData(naming_convention=metadata_naming)
attach(metadata)

_MOMENT = sa.DateTime(timezone=True)
_OWN = sa.text("user_id is not null")

# Partitions are made ahead, and there is no default one: dropping a month then costs nothing.
user_activity = sa.Table(
    "user_activity",
    metadata,
    sa.Column("received_at", _MOMENT, primary_key=True),
    sa.Column("activity_id", sa.Uuid, primary_key=True),
    sa.Column("user_id", sa.Uuid),
    sa.Column("pseudonym", sa.Uuid),
    sa.Column("activity_type", sa.Text, nullable=False),
    sa.Column("movie_id", sa.BigInteger),
    sa.Column("metadata", JSONB, nullable=False),
    sa.Column("address", CIDR),
    sa.Column("agent", sa.Text),
    sa.Column("occurred_at", _MOMENT, nullable=False),
    sa.CheckConstraint(
        "activity_type in (" + ", ".join(f"'{name}'" for name in ACTIVITY_TYPES) + ")",
        name="activity_type",
    ),
    sa.CheckConstraint("(user_id is null) <> (pseudonym is null)", name="actor"),
    sa.CheckConstraint("pseudonym is null or (address is null and agent is null)", name="nameless"),
    sa.CheckConstraint(
        "masklen(address) <= case family(address) when 4 then 24 else 48 end", name="address"
    ),
    sa.Index(
        "user_activity_listed_idx", "user_id", "occurred_at", "activity_id", postgresql_where=_OWN
    ),
    sa.Index(
        "user_activity_typed_idx",
        "user_id",
        "activity_type",
        "occurred_at",
        "activity_id",
        postgresql_where=_OWN,
    ),
    sa.Index("user_activity_time_idx", "received_at", "occurred_at", postgresql_using="brin"),
    sa.Index(
        "user_activity_movie_idx", "movie_id", postgresql_where=sa.text("movie_id is not null")
    ),
    postgresql_partition_by="RANGE (received_at)",
)

# What has been counted, by keyed hash: neither the event nor its person can be read from it.
activity_seen = sa.Table(
    "activity_seen",
    metadata,
    sa.Column("event_key", sa.Uuid, primary_key=True),
    sa.Column("created_at", _MOMENT, nullable=False, server_default=sa.func.now()),
    sa.Index("activity_seen_created_at_idx", "created_at", postgresql_using="brin"),
)

# What a person has deleted (activity_type '' is all) does not come back with a late event.
activity_deletion = sa.Table(
    "activity_deletion",
    metadata,
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("activity_type", sa.Text, primary_key=True),
    sa.Column("deleted_at", _MOMENT, nullable=False),
    *timestamps(),
)

pseudonym_salt = sa.Table(
    "pseudonym_salt",
    metadata,
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("salt", sa.LargeBinary, nullable=False),
    sa.Column("created_at", _MOMENT, nullable=False, server_default=sa.func.now()),
)


# By the day: when exactly a bucket was added to would tell which event it was, and so whose.
_TODAY = sa.text("date_trunc('day', now(), 'UTC')")


def _rollup(
    name: str, keys: list[sa.Column[Any]], counts: list[str], *more: sa.schema.SchemaItem
) -> sa.Table:
    """Sums of an hour or a day; `granularity` says which."""
    return sa.Table(
        name,
        metadata,
        sa.Column("granularity", sa.Text, primary_key=True),
        sa.Column("bucket", _MOMENT, primary_key=True),
        *keys,
        *[sa.Column(count, sa.BigInteger, nullable=False) for count in counts],
        *more,
        sa.Column("created_at", _MOMENT, nullable=False, server_default=_TODAY),
        sa.Column("updated_at", _MOMENT, nullable=False, server_default=_TODAY),
        sa.CheckConstraint("granularity in ('hour', 'day')", name="granularity"),
    )


def _key(name: str, kind: Any = sa.Text) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


activity_rollup = _rollup("activity_rollup", [_key("activity_type")], ["count", "users_count"])

# Who was counted in a bucket, so that nobody is counted twice; a pseudonym counts as a person.
activity_actor = _rollup(
    "activity_actor",
    [_key("activity_type"), _key("actor", sa.Uuid)],
    [],
    sa.Index("activity_actor_actor_idx", "actor"),
)

recommendation_rollup = _rollup(
    "recommendation_rollup",
    [_key("recommendation_type")],
    ["impressions_count", "clicks_count"],
)

recommendation_movie = _rollup(
    "recommendation_movie",
    [_key("recommendation_type"), _key("movie_id", sa.BigInteger)],
    ["impressions_count"],
)

api_usage_rollup = _rollup(
    "api_usage_rollup",
    [_key("route"), _key("method"), _key("status", sa.Integer), _key("client")],
    ["requests_count"],
    sa.Column("total_milliseconds", sa.Double, nullable=False),
)

ROLLUPS = (
    activity_rollup,
    activity_actor,
    recommendation_rollup,
    recommendation_movie,
    api_usage_rollup,
)
