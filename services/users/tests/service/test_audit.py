"""The audit log: what people did here and from where, and what admins did in other services."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import event

from chassis.events import Consumer, Fact, append, stream_key
from chassis.testing import eventually
from marquee.catalog.v1 import events_pb2 as catalog_events
from marquee.recommender.v1 import events_pb2 as recommender_events
from marquee.users.v1 import users_pb2 as pb
from users import wiring
from users.subscriptions import subscriptions

PASSWORD = "a quite uncommon password"
FROM = ("x-client-address", "203.0.113.77")
ACTS = {"catalog.events": catalog_events, "recommender.events": recommender_events}


def entries(world, **wanted):
    """The log, oldest first."""
    root = world.tokens.user(uuid4(), "admin")
    reply = world.call("ListAuditEntries", pb.ListAuditEntriesRequest(**wanted), root)
    return list(reversed(reply.entries))


def test_what_people_do_is_logged_with_their_truncated_address(world):
    ada = world.register("ada")
    own = [*world.acting(ada), FROM]
    elsewhere = world.sign_in("ada")
    mask = FieldMask(paths=["username"])
    world.call("UpdateUser", pb.UpdateUserRequest(user={"username": "ada2"}, update_mask=mask), own)
    ended = pb.RevokeSessionRequest(session_id=elsewhere.tokens.session_id)
    world.call("RevokeSession", ended, own)
    changed = pb.ChangePasswordRequest(
        current_password=PASSWORD, new_password="quite another password"
    )
    world.call("ChangePassword", changed, own)
    world.call("ExportPersonalData", pb.ExportPersonalDataRequest(), own)
    root = [*world.tokens.user(uuid4(), "admin"), FROM]
    promoted = pb.UpdateUserAccessRequest(user_id=ada.user.user_id, role="admin")
    world.call("UpdateUserAccess", promoted, root)
    last = world.sign_in("ada2", "quite another password")
    out = pb.RevokeTokenRequest(token=last.tokens.refresh_token)
    world.call("RevokeToken", out, [*world.tokens.service("gateway"), FROM])
    found = {one.action: one.address for one in entries(world)}
    assert found.pop("user.login") == "", "nobody told it"
    assert found == dict.fromkeys(
        (
            "user.updated",
            "user.session_revoked",
            "user.password_changed",
            "user.exported",
            "user.role_changed",
            "user.logout",
        ),
        "203.0.113.0",
    )


def test_an_export_reads_what_somebody_did_from_an_index(world):
    ada, ben = world.register("ada"), world.register("ben")
    promoted = pb.UpdateUserAccessRequest(user_id=ben.user.user_id, role="admin")
    world.call("UpdateUserAccess", promoted, world.acting(ada, "admin"))
    plans: list[str] = []

    def explain(_connection, cursor, statement, parameters, _context, _executemany):
        if statement.startswith("SELECT") and "audit_log" in statement:
            cursor.execute("set local enable_seqscan = off")
            cursor.execute(f"explain {statement}", parameters)
            plans.extend(line for (line,) in cursor.fetchall())

    sections, token = [], None
    event.listen(world.database.engine, "before_cursor_execute", explain)
    while token != "":
        request = pb.ExportPersonalDataRequest(page_token=token)
        reply = world.call("ExportPersonalData", request, world.acting(ada))
        token = reply.next_page_token
        sections.append(json.loads(reply.document_json))
    event.remove(world.database.engine, "before_cursor_execute", explain)
    (lines,) = [one["audit_log"] for one in sections if "audit_log" in one]
    assert {"user.role_changed", "user.exported"} <= {one["action"] for one in lines}
    conditions = [line for line in plans if "Index Cond" in line]
    assert any("(subject = " in line for line in conditions)
    assert any("(actor_user_id = " in line for line in conditions)
    assert not any("Seq Scan" in line for line in plans)


def act(stream, user_id, subject):
    """What an admin did in another service, as its event."""
    message = ACTS[stream].AdminActed(
        user_id=str(user_id),
        action="sync.requested",
        subject=subject,
        details_json='{"stage": "all"}',
        address="203.0.113.77",
        acted_at=datetime(2026, 5, 1, tzinfo=UTC),
    )
    return Fact(
        type=message.DESCRIPTOR.full_name,
        aggregate_id=subject,
        aggregate_version=1,
        payload=message.SerializeToString(),
        actor=message.user_id,
    )


@pytest.fixture
def told(world, settings, redis_streams) -> Iterator[Callable[..., None]]:
    """`told(stream, *facts)` returns when the service has heard them."""
    tombstones = wiring.tombstones_of(settings)
    consumer = Consumer(
        name="users",
        database=world.database,
        redis=redis_streams,
        subscriptions=subscriptions(tombstones),
        instance="test",
        erased=tombstones.erased,
    )

    def heard(stream, *facts):
        append(redis_streams, stream, facts)
        key = stream_key(stream)
        last = redis_streams.xinfo_stream(key)["last-generated-id"]
        eventually(
            lambda: [
                one
                for one in redis_streams.xinfo_groups(key)
                if one["last-delivered-id"] == last and not one["pending"]
            ]
        )

    stop = threading.Event()
    thread = threading.Thread(target=consumer.run, args=(stop,))
    thread.start()
    yield heard
    stop.set()
    thread.join()


def test_what_admins_do_elsewhere_is_logged_once(world, told):
    admin = uuid4()
    for stream in ACTS:
        fact = act(stream, admin, stream)
        told(stream, fact, fact)
        told(stream, fact)
    found = entries(world, actor_user_id=str(admin))
    assert [one.subject for one in found] == list(ACTS)
    for one in found:
        assert (one.action, one.details_json) == ("sync.requested", '{"stage": "all"}')
        assert one.address == "203.0.113.0"
        assert one.occurred_at.ToDatetime(tzinfo=UTC) == datetime(2026, 5, 1, tzinfo=UTC)


def test_an_erased_admin_has_a_pseudonym_whenever_the_event_comes(world, told, settings):
    ada = world.register("ada")
    told("catalog.events", act("catalog.events", ada.user.user_id, "before"))
    world.call("DeleteUser", pb.DeleteUserRequest(password=PASSWORD), world.acting(ada))
    told("catalog.events", act("catalog.events", ada.user.user_id, "after"))
    pseudonym = str(wiring.tombstones_of(settings).of(UUID(ada.user.user_id)))
    found = {one.subject: one for one in entries(world, action="sync.requested")}
    assert found.keys() == {"before", "after"}
    assert {one.actor_user_id for one in found.values()} == {pseudonym}
    assert {one.address for one in found.values()} == {""}
