"""One allowance for all processes that ask TMDb: each looks who else does, and takes its share."""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

import structlog
from sqlalchemy.exc import SQLAlchemyError

from catalog.store import speakers
from catalog.tmdb.budget import RateBudget
from chassis.database import Database

_LOOK_SECONDS = 0.5

log = structlog.get_logger()


@contextmanager
def speaking(database: Database, budget: RateBudget) -> Generator[None]:
    """A share of the cap for the length of the block, all of it while nobody else speaks."""
    _look(database, budget)
    over = threading.Event()
    thread = threading.Thread(target=_keep_looking, args=(database, budget, over), name="speaker")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _keep_looking(database: Database, budget: RateBudget, over: threading.Event) -> None:
    while not over.wait(_LOOK_SECONDS):
        try:
            _look(database, budget)
        except (SQLAlchemyError, ValueError) as error:
            # Our share lapses; whether the run goes on is for its writer to say. A ValueError
            # tells that we do not see ourselves: the clock jumped, and we announce us anew.
            log.warning("cannot see who else asks TMDb", error=type(error).__name__)


def _look(database: Database, budget: RateBudget) -> None:
    # By this process's clock, from before the others can have seen us.
    at = time.monotonic()
    with database.begin() as connection:
        found = speakers.announced(connection, budget.speaker_id, budget.FORGOTTEN_SECONDS)
    rank = found.speaker_ids.index(budget.speaker_id)
    budget.share(rank, len(found.speaker_ids), at, found.lap)
