"""What all methods share: what they work with, and whose call it is."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from chassis.database import Database
from chassis.identity import require_user
from chassis.paging import PageTokens
from interactions.rpc.neighbours import Neighbours


class Rpcs:
    """RPCs of one noun."""

    def __init__(
        self,
        database: Database,
        page_tokens: PageTokens,
        neighbours: Neighbours,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._page_tokens = page_tokens
        self._neighbours = neighbours
        self._now = now


def user_id_of_caller() -> UUID:
    """Whose rows the call is about."""
    user_id = require_user().user_id
    assert user_id is not None, "require_user answers a person"  # noqa: S101 - tells the checker
    return user_id
