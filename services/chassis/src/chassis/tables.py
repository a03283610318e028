"""The tables every service has beside its own."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from chassis.database import metadata_naming, timestamps

metadata = sa.MetaData(naming_convention=metadata_naming)

_MOMENT = sa.DateTime(timezone=True)
_EMPTY = sa.text("''")
_EMPTY_OBJECT = sa.text("'{}'::jsonb")
_NOW = sa.func.now()

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("event_id", sa.Uuid, primary_key=True),
    sa.Column("stream", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("schema_version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("aggregate_id", sa.Text, nullable=False),
    sa.Column("aggregate_version", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.Text, nullable=False, server_default=_EMPTY),
    sa.Column("occurred_at", _MOMENT, nullable=False),
    sa.Column("traceparent", sa.Text, nullable=False, server_default=_EMPTY),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("created_at", _MOMENT, nullable=False, server_default=_NOW),
    sa.Column("published_at", _MOMENT),
    sa.Index("outbox_waiting_idx", "event_id", postgresql_where=sa.text("published_at is null")),
    sa.Index("outbox_published_at_idx", "published_at"),
)

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("consumer", sa.Text, primary_key=True),
    sa.Column("event_id", sa.Uuid, primary_key=True),
    sa.Column("created_at", _MOMENT, nullable=False, server_default=_NOW),
    sa.Index("inbox_created_at_idx", "created_at"),
)

dead_letter = sa.Table(
    "dead_letter",
    metadata,
    sa.Column("consumer", sa.Text, primary_key=True),
    sa.Column("event_id", sa.Uuid, primary_key=True),
    sa.Column("stream", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("schema_version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("aggregate_id", sa.Text, nullable=False),
    sa.Column("aggregate_version", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.Text, nullable=False, server_default=_EMPTY),
    sa.Column("occurred_at", _MOMENT, nullable=False),
    sa.Column("traceparent", sa.Text, nullable=False, server_default=_EMPTY),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    *timestamps(),
)

relay_state = sa.Table(
    "relay_state",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    *timestamps(),
)

job = sa.Table(
    "job",
    metadata,
    sa.Column("job_id", sa.Uuid, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("payload", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    sa.Column("state", sa.Text, nullable=False, server_default="queued"),
    sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
    sa.Column("max_attempts", sa.Integer, nullable=False, server_default="5"),
    sa.Column("postponed_count", sa.Integer, nullable=False, server_default="0"),
    sa.Column("run_after", _MOMENT, nullable=False, server_default=_NOW),
    sa.Column("leased_by", sa.Text),
    sa.Column("lease_expires_at", _MOMENT),
    sa.Column("progress", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    sa.Column("checkpoint", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    sa.Column("result", JSONB),
    sa.Column("error", sa.Text),
    sa.Column("traceparent", sa.Text, nullable=False, server_default=_EMPTY),
    sa.Column("started_at", _MOMENT),
    sa.Column("finished_at", _MOMENT),
    *timestamps(),
    sa.CheckConstraint("state in ('queued', 'running', 'done', 'failed')", name="state"),
    sa.Index(
        "job_unfinished_key",
        "kind",
        "key",
        unique=True,
        postgresql_where=sa.text("state in ('queued', 'running')"),
    ),
    sa.Index("job_waiting_idx", "run_after", postgresql_where=sa.text("state = 'queued'")),
    sa.Index("job_leased_idx", "lease_expires_at", postgresql_where=sa.text("state = 'running'")),
    sa.Index("job_kind_created_at_idx", "kind", "created_at"),
)

idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("operation", sa.Text, primary_key=True),
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("request_hash", sa.LargeBinary, nullable=False),
    sa.Column("response", sa.LargeBinary),
    sa.Column("created_at", _MOMENT, nullable=False, server_default=_NOW),
    sa.Index("idempotency_created_at_idx", "created_at"),
)

# Whom this service has erased, or is erasing: `user_id` is gone when nothing else of them is left.
erasure = sa.Table(
    "erasure",
    metadata,
    sa.Column("erasure_id", sa.Uuid, primary_key=True),
    sa.Column("pseudonym", sa.Uuid, nullable=False),
    sa.Column("user_id", sa.Uuid),
    sa.Column("deleted_rows_count", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("finished_at", _MOMENT),
    *timestamps(),
    sa.UniqueConstraint("pseudonym"),
)


def attach(target: sa.MetaData) -> None:
    """Add these tables to a service's metadata, so that migrations can be compared with all."""
    for table in metadata.sorted_tables:
        table.to_metadata(target)
