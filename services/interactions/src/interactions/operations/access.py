"""Keeping whose accounts are disabled: told by events, and once a day asked for."""

from collections.abc import Iterator, Sequence

from sqlalchemy.engine import Connection

from chassis.erasure import Tombstones
from interactions.domain.access import Access
from interactions.messages.access import access_of_answer
from interactions.store import access
from marquee.users.v1 import users_pb2, users_pb2_grpc

_TIMEOUT_SECONDS = 10.0
_AT_ONCE = 100


def keep(connection: Connection, tombstones: Tombstones, told: Sequence[Access]) -> None:
    """Keep what users says of people; of those who were erased nothing."""
    erased = tombstones.erased(connection, {one.user_id for one in told})
    access.keep_access(connection, [one for one in told if one.user_id not in erased])


def disabled_people(users: users_pb2_grpc.UsersServiceStub) -> Iterator[Sequence[Access]]:
    """All whose accounts are disabled now, some at a time."""
    page_token = ""
    while True:
        request = users_pb2.ListDisabledUsersRequest(page_size=_AT_ONCE, page_token=page_token)
        reply = users.ListDisabledUsers(request, timeout=_TIMEOUT_SECONDS)
        yield [access_of_answer(user) for user in reply.users]
        page_token = reply.next_page_token
        if not page_token:
            return
