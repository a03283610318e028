"""What people have shown is not there while their accounts are disabled."""

import threading
from datetime import UTC, datetime
from uuid import uuid4

import grpc
import pytest
import redis
import sqlalchemy as sa

from chassis.errors import Unavailable
from chassis.events import Consumer, Fact, append
from chassis.jobs import Worker
from chassis.testing import eventually
from interactions.jobs import CHORES, job_functions
from interactions.operations.matching import Matching
from interactions.settings import Settings
from interactions.subscriptions import people
from interactions.wiring import eraser_of
from marquee.users.v1 import events_pb2 as users_events

MOVIE = 7


@pytest.fixture
def eraser(settings_for, database, others):
    return eraser_of(settings_for(Settings, "interactions"), database, others)


@pytest.fixture
def tell(database, redis_streams_url, eraser):
    """`tell(person, (status, version), ...)`: users says so, and it has been heard."""
    client = redis.Redis.from_url(redis_streams_url)
    stop = threading.Event()
    consumer = Consumer(
        name="interactions",
        database=database,
        redis=client,
        subscriptions=[people(eraser)],
        instance="test",
    )
    thread = threading.Thread(target=consumer.run, args=(stop,))
    thread.start()

    def say(person, *changes):
        facts = [changed(person, status, version) for status, version in changes]
        append(client, "users.events", facts)
        eventually(lambda: heard(database, facts))

    yield say
    stop.set()
    thread.join()
    client.close()


def changed(person, status, version):
    message = users_events.UserAccessChanged(user_id=str(person.user_id), status=status)
    kind, payload = message.DESCRIPTOR.full_name, message.SerializeToString()
    return Fact(kind, str(person.user_id), version, payload)


def heard(database, facts):
    with database.begin() as connection:
        seen = set(connection.execute(sa.text("select event_id from inbox")).scalars())
    return seen.issuperset({one.event_id for one in facts})


@pytest.fixture
def ask(database, others, eraser):
    """The chore that asks users who is disabled; answers what is known of access then."""
    worker = Worker(
        name="interactions",
        database=database,
        redis_url="redis://127.0.0.1:1/0",
        handlers=job_functions(
            database, Matching(others), others, eraser.tombstones, lambda: datetime.now(UTC)
        ),
        chores=CHORES,
        instance="tests",
    )

    def run():
        worker.tick()
        with database.begin() as connection:
            connection.execute(sa.text("update job set run_after = now()"))
        worker.run_waiting()
        with database.read() as connection:
            rows = connection.execute(sa.text("select user_id, disabled from user_access"))
            return {row.user_id: row.disabled for row in rows}

    return run


def reviewed(author, review="worth it"):
    author.RateMovie(movie_id=MOVIE, rating=4.0, review=review)
    made = author.CreateList(name="Shown", visibility="public", request_id=str(uuid4()))
    return made.list.list_id


def shown(reader, list_id):
    """The reviews a reader gets, and how the list is answered."""
    reviews = [one.review for one in reader.ListReviews(movie_id=MOVIE).reviews]
    try:
        reader.GetList(list_id=list_id)
    except grpc.RpcError as error:
        return reviews, error.code().name
    return reviews, "OK"


def test_what_a_disabled_person_has_shown_is_gone_until_they_are_enabled(person, tell):
    ada, grace, reader = person(), person(), person()
    list_id = reviewed(ada)
    reviewed(grace, "dull")
    assert shown(reader, list_id) == (["dull", "worth it"], "OK")
    tell(ada, ("disabled", 2))
    assert shown(reader, list_id) == (["dull"], "NOT_FOUND")
    assert shown(ada, list_id)[1] == "OK", (
        "one's own is there, should word of being let in again tarry"
    )
    tell(ada, ("active", 3))
    assert shown(reader, list_id) == (["dull", "worth it"], "OK")


def test_pages_of_reviews_are_full_whoever_is_disabled(person, tell):
    authors = [person() for _ in range(5)]
    for number, author in enumerate(authors):
        reviewed(author, str(number))
    for author in authors[1:4]:
        tell(author, ("disabled", 2))
    reader = person()
    first = reader.ListReviews(movie_id=MOVIE, page_size=1)
    second = reader.ListReviews(movie_id=MOVIE, page_size=1, page_token=first.next_page_token)
    assert [one.review for one in (*first.reviews, *second.reviews)] == ["4", "0"]
    assert not second.next_page_token


def test_what_was_said_later_counts_in_whatever_order_it_comes(person, tell):
    ada, reader = person(), person()
    list_id = reviewed(ada)
    tell(ada, ("active", 3), ("disabled", 2))
    assert shown(reader, list_id) == (["worth it"], "OK")
    tell(ada, ("disabled", 4), ("active", 3))
    assert shown(reader, list_id) == ([], "NOT_FOUND")


def test_who_was_disabled_before_anybody_listened_is_asked_for(person, others, ask):
    ada, grace, reader = person(), person(), person()
    list_id, other_id = reviewed(ada), reviewed(grace, "dull")
    others.disabled = [(str(one.user_id), 2) for one in (ada, grace)]
    others.down = Unavailable("away")
    assert ask() == {}
    others.down = None
    assert ask() == {ada.user_id: True, grace.user_id: True}
    assert shown(reader, list_id) == ([], "NOT_FOUND")
    assert shown(reader, other_id) == ([], "NOT_FOUND")


def test_who_was_enabled_while_nobody_listened_is_shown_again(person, others, tell, ask):
    ada, grace, reader = person(), person(), person()
    list_id, other_id = reviewed(ada), reviewed(grace, "dull")
    for one in (ada, grace):
        tell(one, ("disabled", 2))
    others.disabled = [(str(grace.user_id), 2)]
    others.down = Unavailable("away")
    assert ask() == {ada.user_id: True, grace.user_id: True}
    others.down = None
    assert ask() == {ada.user_id: False, grace.user_id: True}
    assert shown(reader, list_id) == (["worth it"], "OK")
    assert shown(reader, other_id) == (["worth it"], "NOT_FOUND")
    tell(ada, ("disabled", 4))
    assert shown(reader, list_id) == ([], "NOT_FOUND")


def test_who_is_disabled_again_while_users_is_asked_stays_so(person, others, tell, ask):
    ada, grace = person(), person()
    tell(ada, ("disabled", 2))
    listed = others.ListDisabledUsers

    def meanwhile(request, timeout):
        reply = listed(request, timeout)
        tell(ada, ("disabled", 4))
        tell(grace, ("disabled", 2))
        return reply

    others.ListDisabledUsers = meanwhile
    assert ask() == {ada.user_id: True, grace.user_id: True}


def test_of_somebody_who_was_erased_nothing_is_kept(person, database, others, eraser, tell, ask):
    ada = person()
    with database.begin() as connection:
        eraser.request(connection, uuid4(), ada.user_id)
    others.disabled = [(str(ada.user_id), 2)]
    tell(ada, ("disabled", 2))
    assert ask() == {}
