"""Lists of active people, ranked before these come."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.engine import Connection

from chassis import jobs
from chassis.database import Database
from recommender.domain import Exploration
from recommender.operations.lists import AUTOMATIC, Person, rank_list, taste_in
from recommender.operations.live import Snapshot
from recommender.store import lists, tastes
from recommender.store.lists import RankedList

PREPARING = "prepare_lists"
# People whose lists are made in one transaction, and after whom a job that is cut off goes on.
PEOPLE_AT_ONCE = 50


def start_preparing(connection: Connection, reason: str) -> None:
    """Have lists made for everybody who is active, after the caller's commit."""
    jobs.enqueue(connection, PREPARING, key=reason)


def prepare(
    database: Database,
    snapshot: Snapshot,
    people: Sequence[UUID],
    at: datetime,
    exploration: Exploration,
) -> int:
    """Make the lists that these people will get if nothing changes; how many were made."""
    with database.begin(statement_timeout_seconds=60) as connection:
        made = list(_made(connection, snapshot, people, at, exploration))
        lists.keep_ahead(connection, made)
    return len(made)


def _made(
    connection: Connection,
    snapshot: Snapshot,
    people: Sequence[UUID],
    at: datetime,
    exploration: Exploration,
) -> Iterator[RankedList]:
    for user_id in tastes.hold_people(connection, people):
        # In this order: what is done meanwhile counts in the list, or makes it too old.
        sequence, wanted = tastes.known_of(connection, user_id)
        if wanted is not None:
            signals = tastes.signals_of(connection, user_id)
            person = Person(user_id, signals, wanted, sequence, fresh=True)
            taste = taste_in(snapshot, person, at)
            made = rank_list(connection, snapshot, person, taste, AUTOMATIC, at, exploration)
            yield made._replace(ahead=True)
