"""The way of a list, walked before anybody asks for one: statements, connections and whatever else
is made when it is first used are there then."""

import threading
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import structlog

from chassis.database import Database, uuid7
from recommender.domain import Change, Exploration, Kind, Preferences
from recommender.operations import lists
from recommender.operations.live import Live, Snapshot
from recommender.operations.people import Neighbours, person_now
from recommender.operations.replicas import catch_up
from recommender.store import tastes

log = structlog.get_logger()

_POLL_SECONDS = 0.1
_PAGE = 20


class Rehearsal:
    """Walks it twice at most: before this process is ready, and when there are movies to rank."""

    def __init__(
        self,
        database: Database,
        live: Live,
        neighbours: Neighbours,
        *,
        erased: Callable[[UUID], bool],
        exploration: Exploration,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._live = live
        self._neighbours = neighbours
        self._erased = erased
        self._exploration = exploration
        self._now = now
        self._walked = False

    @property
    def over(self) -> bool:
        """Whether it was walked, or failed, which holds nobody up."""
        return self._walked

    def run(self, stop: threading.Event) -> None:
        """Walk as soon as there is something to rank with, and again with the first movies."""
        while not stop.wait(_POLL_SECONDS):
            if not self._live.ready:
                continue
            snapshot = self._live.snapshot()
            if self._walked and not len(snapshot.ensemble):
                continue
            self._walk(snapshot)
            if len(snapshot.ensemble):
                return

    def _walk(self, snapshot: Snapshot) -> None:
        try:
            self._erased(uuid7())
            walk(self._database, self._neighbours, snapshot, self._exploration, self._now())
        except Exception as error:  # noqa: BLE001 - whoever asks first then waits longer, as ever
            log.warning("the way of a list was not walked", error=repr(error))
        self._walked = True


def walk(
    database: Database,
    neighbours: Neighbours,
    snapshot: Snapshot,
    exploration: Exploration,
    at: datetime,
) -> None:
    """Make the list of somebody who does not exist and rated a movie, and keep nothing of it.

    What is written is written here, and undone: neighbours have nothing to tell of nobody, so
    asking them, which would keep what they tell, keeps nothing.
    """
    user_id, wanted = uuid7(), lists.AUTOMATIC
    # Never committed. It is open while others are taken and given back, so that there are two.
    with database.engine.connect() as connection:
        rated = [
            Change(user_id, movie_id, Kind.RATING, sequence=1, occurred_at=at, rating=5.0)
            for movie_id in snapshot.ensemble.movie_ids[:1].tolist()
        ]
        catch_up(connection, user_id, rated, up_to=1)
        tastes.keep_preferences(connection, user_id, Preferences())
        person = person_now(database, neighbours, user_id, known_sequence=None, known_version=None)
        person = person._replace(signals=tastes.signals_of(connection, user_id), fresh=True)
        taste = lists.taste_in(snapshot, person, at)
        lists.list_ahead(connection, snapshot, person, wanted)
        whole = lists.rank_list(connection, snapshot, person, taste, wanted, at, exploration)
        places, _ = lists.next_places(snapshot, whole, person, wanted, 0, _PAGE)
        page = lists.page_of(connection, snapshot, person, taste, whole, places, at)
        lists.keep_served(connection, page, whole=whole)
