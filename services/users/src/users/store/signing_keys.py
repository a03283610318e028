"""Rows of signing keys."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from users.domain.signing_keys import SigningKey
from users.tables import signing_key

_LOCK_KEY = 0x6B657973
_KEYS = sa.select(
    signing_key.c.key_id,
    signing_key.c.public_key,
    signing_key.c.sealed_private_key,
    signing_key.c.signs_from,
).order_by(signing_key.c.signs_from)


def signing_keys(connection: Connection) -> list[SigningKey]:
    """All keys that are kept, oldest first."""
    return [SigningKey(*row) for row in connection.execute(_KEYS)]


def lock_signing_keys(connection: Connection) -> None:
    """Let no other process make or drop keys until this transaction ends, even the first one."""
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK_KEY)))


def insert_signing_key(connection: Connection, key: SigningKey) -> None:
    """Publish one more key."""
    connection.execute(
        sa.insert(signing_key).values(
            key_id=key.key_id,
            public_key=key.public_key,
            sealed_private_key=key.sealed_private_key,
            signs_from=key.signs_from,
        )
    )


def delete_signing_keys(connection: Connection, keys: Sequence[SigningKey]) -> None:
    """Publish these no more."""
    key_ids = [key.key_id for key in keys]
    connection.execute(sa.delete(signing_key).where(signing_key.c.key_id.in_(key_ids)))
