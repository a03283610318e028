"""The tables every service has beside its own."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "chassis_0001"
down_revision = None
branch_labels = ("chassis",)
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_EMPTY = sa.text("''")
_EMPTY_OBJECT = sa.text("'{}'::jsonb")
_NOW = sa.func.now()


def upgrade() -> None:
    _create_messages()
    _create_job()
    _create_idempotency()


def downgrade() -> None:
    for table in ("idempotency", "job", "relay_state", "dead_letter", "inbox", "outbox"):
        op.drop_table(table)


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, _MOMENT, nullable=False, server_default=_NOW)


def _event_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("schema_version", sa.Integer, nullable=False, server_default="1"),
        sa.Column("aggregate_id", sa.Text, nullable=False),
        sa.Column("aggregate_version", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False, server_default=_EMPTY),
        sa.Column("occurred_at", _MOMENT, nullable=False),
        sa.Column("traceparent", sa.Text, nullable=False, server_default=_EMPTY),
        sa.Column("payload", sa.LargeBinary, nullable=False),
    ]


def _create_messages() -> None:
    op.create_table(
        "outbox",
        sa.Column("event_id", sa.Uuid, nullable=False),
        *_event_columns(),
        _moment("created_at"),
        sa.Column("published_at", _MOMENT),
        sa.PrimaryKeyConstraint("event_id", name="outbox_pkey"),
    )
    waiting = sa.text("published_at is null")
    op.create_index("outbox_waiting_idx", "outbox", ["event_id"], postgresql_where=waiting)
    op.create_index("outbox_published_at_idx", "outbox", ["published_at"])
    op.create_table(
        "inbox",
        sa.Column("consumer", sa.Text, nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        _moment("created_at"),
        sa.PrimaryKeyConstraint("consumer", "event_id", name="inbox_pkey"),
    )
    op.create_index("inbox_created_at_idx", "inbox", ["created_at"])
    op.create_table(
        "dead_letter",
        sa.Column("consumer", sa.Text, nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        *_event_columns(),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        _moment("created_at"),
        _moment("updated_at"),
        sa.PrimaryKeyConstraint("consumer", "event_id", name="dead_letter_pkey"),
    )
    op.create_table(
        "relay_state",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        _moment("created_at"),
        _moment("updated_at"),
        sa.PrimaryKeyConstraint("name", name="relay_state_pkey"),
    )


def _create_job() -> None:
    op.create_table(
        "job",
        sa.Column("job_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("payload", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
        sa.Column("state", sa.Text, nullable=False, server_default="queued"),
        sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
        sa.Column("max_attempts", sa.Integer, nullable=False, server_default="5"),
        _moment("run_after"),
        sa.Column("leased_by", sa.Text),
        sa.Column("lease_expires_at", _MOMENT),
        sa.Column("progress", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
        sa.Column("checkpoint", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
        sa.Column("result", JSONB),
        sa.Column("error", sa.Text),
        sa.Column("traceparent", sa.Text, nullable=False, server_default=_EMPTY),
        sa.Column("started_at", _MOMENT),
        sa.Column("finished_at", _MOMENT),
        _moment("created_at"),
        _moment("updated_at"),
        sa.PrimaryKeyConstraint("job_id", name="job_pkey"),
        sa.CheckConstraint(
            "state in ('queued', 'running', 'done', 'failed')", name=op.f("job_state_check")
        ),
    )
    unfinished = sa.text("state in ('queued', 'running')")
    queued = sa.text("state = 'queued'")
    running = sa.text("state = 'running'")
    op.create_index(
        "job_unfinished_key", "job", ["kind", "key"], unique=True, postgresql_where=unfinished
    )
    op.create_index("job_waiting_idx", "job", ["run_after"], postgresql_where=queued)
    op.create_index("job_leased_idx", "job", ["lease_expires_at"], postgresql_where=running)
    op.create_index("job_kind_created_at_idx", "job", ["kind", "created_at"])


def _create_idempotency() -> None:
    op.create_table(
        "idempotency",
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("request_hash", sa.LargeBinary, nullable=False),
        sa.Column("response", sa.LargeBinary),
        _moment("created_at"),
        sa.PrimaryKeyConstraint("user_id", "operation", "request_id", name="idempotency_pkey"),
    )
    op.create_index("idempotency_created_at_idx", "idempotency", ["created_at"])
