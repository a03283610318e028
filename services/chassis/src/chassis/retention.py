"""How long the chassis's tables keep what they no longer need."""

import sqlalchemy as sa

from chassis.database import Database

_CHUNK = 5000
_CHUNKS_AT_ONCE = 20

# An inbox must remember longer than an outbox can repeat. A job that is still to be done stays.
_RULES = {
    "outbox": ("event_id", "published_at < now() - interval '7 days'"),
    "inbox": ("ctid", "created_at < now() - interval '30 days'"),
    "dead_letter": ("ctid", "created_at < now() - interval '30 days'"),
    "idempotency": ("ctid", "created_at < now() - interval '2 days'"),
    "job": (
        "job_id",
        "created_at < now() - interval '30 days' and state in ('done', 'failed')",
    ),
}


def tidy(database: Database) -> None:
    """Delete what is past its time, in pieces small enough to disturb nobody."""
    for table, (key, condition) in _RULES.items():
        # Every word comes from _RULES above.
        statement = sa.text(
            f"delete from {table} where {key} = any(array("  # noqa: S608
            f"select {key} from {table} where {condition} limit {_CHUNK} for update skip locked))"
        )
        for _ in range(_CHUNKS_AT_ONCE):
            with database.begin() as connection:
                if connection.execute(statement).rowcount < _CHUNK:
                    break
