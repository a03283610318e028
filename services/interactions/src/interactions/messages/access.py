"""Who may sign in, from what users says of it."""

from uuid import UUID

from chassis.events import Event
from interactions.domain.access import Access
from marquee.users.v1 import events_pb2, users_pb2


def access_of_event(event: Event) -> Access:
    """From an event of users, whose aggregate is the account."""
    message = events_pb2.UserAccessChanged.FromString(event.payload)
    return Access(UUID(message.user_id), message.status == "disabled", event.aggregate_version)


def access_of_answer(user: users_pb2.DisabledUser) -> Access:
    """From an answer of users."""
    return Access(UUID(user.user_id), True, user.version)  # noqa: FBT003 - they are disabled
