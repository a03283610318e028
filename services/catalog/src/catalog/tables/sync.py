"""What the sync works with: its queue and runs, TMDb's small lists, and what it could not load."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from catalog.tables.columns import EMPTY_OBJECT, FALSE, MOMENT, ZERO, metadata, number, text
from chassis.database import timestamps

reference = sa.Table(
    "reference",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("body", JSONB, nullable=False),
    *timestamps(),
)
"""TMDb's small lists as it sends them: configuration, languages, countries, certifications."""

sync_item = sa.Table(
    "sync_item",
    metadata,
    sa.Column("movie_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("source", sa.Text, primary_key=True),
    number("popularity", sa.Double),
    sa.Column("state", sa.Text, nullable=False, server_default="pending"),
    sa.Column("adult", sa.Boolean, nullable=False, server_default=FALSE),
    sa.Column("attempts", sa.Integer, nullable=False, server_default=ZERO),
    sa.Column("missing_count", sa.Integer, nullable=False, server_default=ZERO),
    sa.Column("next_at", MOMENT, nullable=False, server_default=sa.func.now()),
    sa.Column("changed_at", MOMENT),
    sa.Column("as_of", MOMENT),
    # Of releases that wrote their leases on each movie, while one of them may still run.
    sa.Column("leased_by", sa.Uuid),
    *timestamps(),
    sa.CheckConstraint("state in ('pending', 'done', 'gone', 'quarantined')", name="state"),
    sa.Index(
        "sync_item_pending_idx",
        "source",
        sa.text("greatest(popularity, 1) desc"),
        "movie_id",
        postgresql_where=sa.text("state = 'pending'"),
    ),
    sa.Index(
        "sync_item_changed_idx",
        "source",
        "movie_id",
        postgresql_where=sa.text("state = 'pending' and changed_at is not null"),
    ),
    sa.Index(
        "sync_item_as_of_idx",
        "source",
        "as_of",
        "movie_id",
        postgresql_where=sa.text("state = 'done'"),
    ),
    postgresql_with={"fillfactor": "80"},
)

sync_lease = sa.Table(
    "sync_lease",
    metadata,
    sa.Column("lease_id", sa.Uuid, primary_key=True),
    sa.Column("sync_run_id", sa.Uuid, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("movie_ids", ARRAY(sa.BigInteger), nullable=False),
    *timestamps(),
)
"""Batches of the queue that somebody fetches now."""

sync_run = sa.Table(
    "sync_run",
    metadata,
    sa.Column("sync_run_id", sa.Uuid, primary_key=True),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, server_default="queued"),
    sa.Column("request_id", sa.Text),
    sa.Column("parameters", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    sa.Column("started_at", MOMENT),
    sa.Column("finished_at", MOMENT),
    number("done_count"),
    sa.Column("remaining_count", sa.BigInteger, nullable=False, server_default=sa.text("-1")),
    number("changed_count"),
    number("quarantined_count"),
    number("requests_count"),
    text("error"),
    sa.Column("unknown_fields", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    *timestamps(),
    sa.UniqueConstraint("request_id"),
    sa.CheckConstraint("state in ('queued', 'running', 'done', 'failed')", name="state"),
    sa.Index(
        "sync_run_unfinished_idx",
        "stage",
        "source",
        postgresql_where=sa.text("state in ('queued', 'running')"),
    ),
)

sync_watermark = sa.Table(
    "sync_watermark",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    *timestamps(),
)

sync_speaker = sa.Table(
    "sync_speaker",
    metadata,
    sa.Column("speaker_id", sa.Uuid, primary_key=True),
    sa.Column("seen_at", MOMENT, nullable=False),
    *timestamps(),
)
"""Processes that ask TMDb now, and share its rate."""

quarantine = sa.Table(
    "quarantine",
    metadata,
    sa.Column("quarantine_entry_id", sa.Uuid, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("source_id", sa.BigInteger, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("parser_version", sa.Integer, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("1")),
    sa.Column("state", sa.Text, nullable=False, server_default="open"),
    sa.Column("quarantined_at", MOMENT, nullable=False, server_default=sa.func.now()),
    *timestamps(),
    sa.UniqueConstraint("kind", "source", "source_id"),
    sa.CheckConstraint("state in ('open', 'retrying', 'resolved')", name="state"),
)
