"""Rows of whose accounts are, or once were, disabled."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from interactions.domain.access import Access
from interactions.tables import user_access


def keep_access(connection: Connection, told: Sequence[Access]) -> None:
    """Keep what is newer than what is known; by id, so that two writers wait for each other."""
    ordered = sorted(told, key=lambda one: one.user_id)
    if ordered:
        connection.execute(_KEEP, [vars(one) for one in ordered])


def disabled_here(connection: Connection) -> dict[UUID, Access]:
    """Everybody who is disabled as far as is known here."""
    columns = (user_access.c.user_id, user_access.c.disabled, user_access.c.version)
    rows = connection.execute(sa.select(*columns).where(user_access.c.disabled))
    return {row.user_id: Access(row.user_id, row.disabled, row.version) for row in rows}


def enable(connection: Connection, known: Iterable[Access]) -> None:
    """Let these be shown again, but for those of whom something newer has been told meanwhile."""
    ordered = sorted(known, key=lambda one: one.user_id)
    if ordered:
        connection.execute(_ENABLE, [vars(one) for one in ordered])


_KEEP = sa.text("""
    insert into user_access (user_id, disabled, version) values (:user_id, :disabled, :version)
    on conflict (user_id) do update set
        disabled = excluded.disabled, version = excluded.version, updated_at = now()
    where user_access.version < excluded.version
""")

# The version stays, so that whatever users tells of them afterwards is newer.
_ENABLE = sa.text("""
    update user_access set disabled = false, updated_at = now()
    where user_id = :user_id and version = :version and disabled
""")
