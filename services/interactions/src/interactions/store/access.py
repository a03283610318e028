"""Rows of whose accounts are, or once were, disabled."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from interactions.domain.access import Access


def keep_access(connection: Connection, told: Sequence[Access]) -> None:
    """Keep what is newer than what is known; by id, so that two writers wait for each other."""
    ordered = sorted(told, key=lambda one: one.user_id)
    if ordered:
        connection.execute(_KEEP, [vars(one) for one in ordered])


_KEEP = sa.text("""
    insert into user_access (user_id, disabled, version) values (:user_id, :disabled, :version)
    on conflict (user_id) do update set
        disabled = excluded.disabled, version = excluded.version, updated_at = now()
    where user_access.version < excluded.version
""")
