"""Other services' events: people who want to be forgotten."""

from uuid import UUID

from sqlalchemy.engine import Connection

from chassis.erasure import Eraser
from chassis.events import Event, Subscription
from marquee.users.v1 import events_pb2 as users_events


def erasures(eraser: Eraser) -> Subscription:
    """What is done when somebody asks to be erased."""

    def erasure_requested(connection: Connection, event: Event) -> None:
        message = users_events.ErasureRequested.FromString(event.payload)
        eraser.request(connection, UUID(message.erasure_id), UUID(message.user_id))

    kind = users_events.ErasureRequested.DESCRIPTOR.full_name
    return Subscription(stream="users.events", types={kind: erasure_requested})
