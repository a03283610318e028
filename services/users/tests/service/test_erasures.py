"""Somebody who leaves takes everything along but a keyed hash."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import event

from chassis.erasure import Tombstones
from chassis.outbox import Relay
from marquee.users.v1 import events_pb2 as events
from marquee.users.v1 import users_pb2 as pb
from users import wiring
from users.domain.erasures import SERVICES
from users.operations import erasures
from users.store import accounts
from users.store.follows import lock_profiles

PASSWORD = "a quite uncommon password"


@pytest.fixture
def ada(world):
    return world.register("Ada")


def delete(world, who, password=PASSWORD):
    request = pb.DeleteUserRequest(password=password)
    return world.call("DeleteUser", request, world.acting(who)).erasure_id


def acknowledge(world, erasure_id, service, caller=""):
    request = pb.AcknowledgeErasureRequest(
        erasure_id=erasure_id, service=service, deleted_rows_count=3
    )
    metadata = world.tokens.service(caller or service)
    return world.call("AcknowledgeErasure", request, metadata).complete


def follow(world, who, username):
    world.call("FollowUser", pb.FollowUserRequest(username=username), world.acting(who))


def mentions(world, *words):
    """Tables that hold any of these words, as text or inside of bytes."""
    found = set()
    with world.database.read() as connection:
        names = sa.inspect(connection).get_table_names()
        for name in names:
            for word in words:
                told = sa.text(
                    f'select count(*) from "{name}" as one '
                    "where one::text ilike :word or one::text like :bytes"
                )
                values = {"word": f"%{word}%", "bytes": f"%{word.encode().hex()}%"}
                if connection.execute(told, values).scalar_one():
                    found.add(name)
    return found


@pytest.fixture
def relay(world, redis_streams):
    """Carries what was published."""

    def run():
        while Relay(world.database, redis_streams).publish_waiting():
            pass

    return run


def test_the_account_is_gone_at_once_and_its_name_is_nobodys(world, ada):
    delete(world, ada)
    with world.refused("USER_NOT_FOUND"):
        world.call("GetUser", pb.GetUserRequest(), world.acting(ada))
    with world.refused("INVALID_GRANT"):
        world.refresh(ada.tokens.refresh_token)
    with world.refused("INVALID_GRANT"):
        world.sign_in("ada")
    assert world.revoked == [UUID(ada.tokens.session_id), UUID(ada.user.user_id)]
    for name in ("ada", "ADA", "\uff41da"):
        with world.refused("USERNAME_TAKEN"):
            world.register(name, email="other@example.org")
    grace = world.register("grace", email="ada@example.org")
    mask = FieldMask(paths=["username"])
    request = pb.UpdateUserRequest(user=pb.User(username="aDa"), update_mask=mask)
    with world.refused("USERNAME_TAKEN"):
        world.call("UpdateUser", request, world.acting(grace))
    imported = pb.BatchCreateUsersRequest(
        users=[pb.ImportedUser(username="ada", email="new@example.org")]
    )
    with world.refused("USERNAME_TAKEN"):
        world.call("BatchCreateUsers", imported)


@contextmanager
def being_erased(world, person):
    """Meanwhile their erasure has begun, and is not committed."""
    tombstones = Tombstones(world.settings.internal_key.get_secret_value())
    with world.database.begin() as connection:
        account = accounts.locked_account(connection, UUID(person.user.user_id))
        assert account is not None
        erasures.begin_erasure(connection, tombstones, account, world.clock())
        yield


def test_a_name_is_not_taken_while_its_owner_is_being_erased(world, ada):
    grace = world.register("grace")
    mask = FieldMask(paths=["username"])
    request = pb.UpdateUserRequest(user=pb.User(username="Ada"), update_mask=mask)
    with ThreadPoolExecutor(1) as pool:
        with being_erased(world, ada):
            renaming = pool.submit(world.call, "UpdateUser", request, world.acting(grace))
            world.until_blocked()
        with world.refused("USERNAME_TAKEN"):
            renaming.result()


def test_nobody_follows_who_is_being_erased(world, ada):
    grace = world.register("grace")
    with ThreadPoolExecutor(1) as pool:
        with being_erased(world, ada):
            following = pool.submit(follow, world, grace, "ada")
            world.until_blocked()
        with world.refused("PROFILE_NOT_FOUND"):
            following.result()


@pytest.mark.parametrize("leaving", ["ada", "grace", "alan"])
def test_who_follows_and_who_leaves_do_not_lock_each_other_out(world, ada, leaving):
    """Alan is an admin, whom erasures of others lock too."""
    people = {"ada": ada, "grace": world.register("grace"), "alan": world.register("alan")}
    follow(world, people["ada"], "grace")
    for admin in (people["alan"], world.register()):
        request = pb.UpdateUserAccessRequest(user_id=admin.user.user_id, role="admin")
        world.call("UpdateUserAccess", request, world.tokens.user(uuid4(), "admin"))
    with ThreadPoolExecutor(2) as pool:
        with world.database.begin() as connection:
            lock_profiles(connection, {UUID(one.user.user_id) for one in people.values()})
            following = pool.submit(follow, world, people["ada"], "alan")
            world.until_blocked()
            erased = pool.submit(delete, world, people[leaving])
            world.until_blocked(2)
        following.result()
        assert erased.result()


def test_nobody_who_leaves_waits_until_the_whole_audit_log_is_read(world, ada):
    plans: list[str] = []

    def explain(_connection, cursor, statement, parameters, _context, _executemany):
        if statement.startswith("UPDATE audit_log"):
            cursor.execute("set local enable_seqscan = off")
            cursor.execute(f"explain {statement}", parameters)
            plans.extend(line for (line,) in cursor.fetchall())

    event.listen(world.database.engine, "before_cursor_execute", explain)
    delete(world, ada)
    event.remove(world.database.engine, "before_cursor_execute", explain)
    assert any("audit_log_subject_idx" in line for line in plans)
    assert not any("Seq Scan" in line for line in plans)


def test_the_password_is_needed_and_guesses_are_limited(world, ada):
    for _ in range(10):
        with world.refused("WRONG_PASSWORD"):
            delete(world, ada, "wrong")
    with world.refused("TOO_MANY_LOGINS"):
        delete(world, ada)
    assert world.call("GetUser", pb.GetUserRequest(), world.acting(ada)).user.username == "Ada"


def test_the_last_admin_stays(world, ada):
    other = world.register("grace")
    root = world.tokens.user(uuid4(), "admin")
    request = pb.UpdateUserAccessRequest(user_id=ada.user.user_id, role="admin")
    world.call("UpdateUserAccess", request, root)
    with world.refused("LAST_ADMIN"):
        delete(world, ada)
    world.call(
        "UpdateUserAccess",
        pb.UpdateUserAccessRequest(user_id=other.user.user_id, role="admin"),
        root,
    )
    delete(world, ada)


def test_others_lose_a_follower_and_no_more(world, ada):
    grace, alan = world.register("grace"), world.register("alan")
    for one, name in ((ada, "grace"), (grace, "ada"), (alan, "ada"), (grace, "alan")):
        follow(world, one, name)
    delete(world, ada)
    for name, followers, following in (("grace", 0, 1), ("alan", 1, 0)):
        seen = world.call("GetPublicProfile", pb.GetPublicProfileRequest(username=name)).profile
        assert (seen.followers_count, seen.following_count) == (followers, following)


def test_friends_who_leave_at_once_do_not_lock_each_other_out(world):
    names = [f"friend{number}" for number in range(6)]
    friends = [world.register(name) for name in names]
    for one in friends:
        for name in names:
            if name != one.user.username:
                follow(world, one, name)
    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(lambda one: delete(world, one), friends))) == 6
    with world.database.read() as connection:
        assert not connection.execute(sa.text("select * from follow")).all()


def test_no_session_at_all_is_good_for_who_is_erased(world, ada):
    user_id = UUID(ada.user.user_id)
    erased = Tombstones(world.settings.internal_key.get_secret_value()).erased_from(world.database)
    assert not erased(user_id)
    delete(world, ada)
    assert erased(user_id)


def test_ended_sessions_stay_ended_without_telling_whose_they_were(world, ada):
    world.call(
        "RevokeToken", pb.RevokeTokenRequest(token=world.sign_in("ada").tokens.refresh_token)
    )
    delete(world, ada)
    with world.database.read() as connection:
        rows = connection.execute(
            sa.text(
                "select aggregate_id, payload, actor from outbox where type like '%SessionRevoked'"
            )
        ).all()
    nameless = [events.SessionRevoked.FromString(row.payload) for row in rows if not row.actor]
    assert len(nameless) == 3
    assert {one.user_id for one in nameless} == {""}
    # Whatever session a token names; this one goes when the erasure ends.
    assert nameless[-1].session_id == ada.user.user_id


def test_it_is_done_when_all_services_say_so(world, ada):
    erasure_id = delete(world, ada)
    done = [acknowledge(world, erasure_id, name) for name in sorted(SERVICES)]
    assert done == [False] * (len(SERVICES) - 1) + [True]
    assert acknowledge(world, erasure_id, "catalog") is True


def test_a_service_acknowledges_for_itself_only(world, ada):
    erasure_id = delete(world, ada)
    with world.refused("NOT_YOUR_ERASURE"):
        acknowledge(world, erasure_id, "recommender", caller="catalog")
    with world.refused("ERASURE_NOT_FOUND"):
        acknowledge(world, str(uuid4()), "catalog")


def test_what_remains_names_nobody(world, relay, redis_streams, redis_cache, settings):
    ada = world.register("Countess-of-Lovelace")
    user_id, name = ada.user.user_id, ada.user.username
    world.refresh(ada.tokens.refresh_token)
    follow(world, world.register("grace"), name)
    with world.refused("INVALID_GRANT"):
        world.sign_in(name, "wrong")
    redis_cache.set(f"sequence:{user_id}", 1)
    redis_streams.set(f"idempotency:{user_id}:x", "answer")
    assert {"user", "outbox", "audit_log", "follow"} <= mentions(world, user_id, name)
    erasure_id = delete(world, ada)
    relay()
    assert user_id in stored(redis_streams)
    for service in SERVICES:
        acknowledge(world, erasure_id, service)
    worker = wiring.worker_of(settings, now=world.clock)
    assert worker.run_waiting() == 1
    assert mentions(world, user_id, name) == set()
    for client in (redis_streams, redis_cache):
        assert not any(word in stored(client) for word in (user_id, name, name.lower()))
    assert worker.run_waiting() == 0


def stored(client):
    """Everything in a Redis, as text."""
    read = {
        b"string": client.get,
        b"stream": client.xrange,
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1),
    }
    return " ".join(f"{key} {read[client.type(key)](key)}" for key in client.scan_iter())


def test_the_audit_log_keeps_what_happened_under_a_pseudonym(world, ada, relay, settings):
    erasure_id = delete(world, ada)
    for name in SERVICES:
        acknowledge(world, erasure_id, name)
    relay()
    wiring.worker_of(settings, now=world.clock).run_waiting()
    root = world.tokens.user(uuid4(), "admin")
    entries = world.call("ListAuditEntries", pb.ListAuditEntriesRequest(), root).entries
    assert [one.action for one in entries] == [
        "user.erased",
        "user.erasure_requested",
        "user.login",
    ]
    pseudonym = str(wiring.tombstones_of(settings).of(UUID(ada.user.user_id)))
    assert {one.subject for one in entries} == {pseudonym}
    assert '"interactions": 3' in entries[0].details_json


def test_an_end_that_is_cut_off_is_made_later(world, ada, settings, redis_streams):
    """A reader that has not come so far holds the end back; nothing is lost meanwhile."""
    erasure_id = delete(world, ada)
    for name in SERVICES:
        acknowledge(world, erasure_id, name)
    worker = wiring.worker_of(settings, now=world.clock)
    worker.run_waiting()
    assert "outbox" in mentions(world, ada.user.user_id), "not published yet, so not deleted"
    Relay(world.database, redis_streams).publish_waiting()
    with world.database.begin() as connection:
        connection.execute(sa.text("update job set run_after = now() where state = 'queued'"))
    worker.run_waiting()
    assert mentions(world, ada.user.user_id) == set()


def test_an_end_is_made_though_what_went_wrong_before_named_the_person(world, ada, relay, settings):
    erasure_id = delete(world, ada)
    for name in SERVICES:
        acknowledge(world, erasure_id, name)
    relay()
    worker = wiring.worker_of(settings, now=world.clock)

    def execute(statement):
        with world.database.begin() as connection:
            connection.execute(sa.text(statement))

    execute("alter table audit_log rename to audit_log_away")
    for _attempt in range(2):
        assert worker.run_waiting() == 1
        execute(f"update job set run_after = now(), error = 'of {ada.user.user_id}'")
    execute("alter table audit_log_away rename to audit_log")
    assert worker.run_waiting() == 1
    assert mentions(world, ada.user.user_id) == set()
