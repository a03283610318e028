"""Who has been erased, known by a keyed hash only."""

import hmac
from collections.abc import Callable, Collection
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from chassis.database import Database
from chassis.tables import erasure

_PURPOSE = b"marquee erasure"


class Tombstones:
    """Pseudonyms of people and of what was theirs; without the key nobody can tell whose they are.

    The key follows from INTERNAL_KEY: with another one, those erased before are not recognised.
    """

    def __init__(self, internal_key: str) -> None:
        self._key = hmac.digest(internal_key.encode(), _PURPOSE, "sha256")

    def of(self, what: UUID | str) -> UUID:
        """The pseudonym of a person's id, or of another text of theirs."""
        return UUID(bytes=hmac.digest(self._key, str(what).encode(), "sha256")[:16])

    def erased(self, connection: Connection, user_ids: Collection[UUID]) -> set[UUID]:
        """Those of these people who have been erased, or are being so."""
        people = {self.of(user_id): user_id for user_id in user_ids}
        if not people:
            return set()
        known = sa.bindparam("known", list(people), type_=sa.ARRAY(sa.Uuid))
        statement = sa.select(erasure.c.pseudonym).where(erasure.c.pseudonym == sa.func.any(known))
        return {people[pseudonym] for pseudonym in connection.execute(statement).scalars()}

    def erased_from(self, database: Database) -> Callable[[UUID], bool]:
        """Tells of one person; for TokenVerifier(erased=...)."""

        def erased(user_id: UUID) -> bool:
            with database.read() as connection:
                return bool(self.erased(connection, [user_id]))

        return erased
