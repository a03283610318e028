"""Other services' events: what admins did there, for the audit log."""

import json
from collections.abc import Sequence
from datetime import UTC
from uuid import UUID

from sqlalchemy.engine import Connection

from chassis.erasure import Tombstones
from chassis.events import Event, Subscription
from marquee.catalog.v1 import events_pb2 as catalog_events
from marquee.recommender.v1 import events_pb2 as recommender_events
from users.domain.sessions import truncated_address
from users.store.audit import AuditEntry, insert_audit_entry

Acted = catalog_events.AdminActed | recommender_events.AdminActed


def subscriptions(tombstones: Tombstones) -> Sequence[Subscription]:
    """The streams followed."""

    def record(connection: Connection, event: Event, acted: Acted) -> None:
        """One line; of an admin who was erased meanwhile it has the pseudonym, as all others."""
        actor = UUID(acted.user_id)
        erased = bool(tombstones.erased(connection, {actor}))
        entry = AuditEntry(
            action=acted.action,
            occurred_at=acted.acted_at.ToDatetime(tzinfo=UTC),
            actor_user_id=tombstones.of(actor) if erased else actor,
            subject=acted.subject,
            details=json.loads(acted.details_json),
            address="" if erased else truncated_address(acted.address),
            audit_entry_id=event.event_id,
        )
        insert_audit_entry(connection, entry)

    def catalog_acted(connection: Connection, event: Event) -> None:
        record(connection, event, catalog_events.AdminActed.FromString(event.payload))

    def recommender_acted(connection: Connection, event: Event) -> None:
        record(connection, event, recommender_events.AdminActed.FromString(event.payload))

    return (
        Subscription(
            "catalog.events", {catalog_events.AdminActed.DESCRIPTOR.full_name: catalog_acted}
        ),
        Subscription(
            "recommender.events",
            {recommender_events.AdminActed.DESCRIPTOR.full_name: recommender_acted},
        ),
    )
