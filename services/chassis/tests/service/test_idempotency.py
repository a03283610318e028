"""The same request id gives the first answer again."""

import threading
import uuid

import pytest
import sqlalchemy as sa

from chassis.errors import Invalid
from chassis.idempotency import RequestIdReused, once
from chassis.tables import idempotency


class Counter:
    """Answers with how often it was asked."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> bytes:
        self.count += 1
        return str(self.count).encode()


@pytest.fixture
def ask(database_for):
    database = database_for("chassis")
    user_id = uuid.uuid4()

    def call(act, request_id="key-1", request=b"body", user_id=user_id, operation="CreateList"):
        with database.begin() as connection:
            return once(
                connection,
                user_id=user_id,
                operation=operation,
                request_id=request_id,
                request=request,
                act=act,
            )

    return call


def test_the_second_time_gives_the_first_answer(ask):
    counter = Counter()
    assert [ask(counter) for _ in range(3)] == [b"1"] * 3
    assert counter.count == 1


def test_another_body_person_or_operation_is_another_matter(ask):
    counter = Counter()
    ask(counter)
    with pytest.raises(RequestIdReused) as caught:
        ask(counter, request=b"other body")
    assert caught.value.errors[0]["pointer"] == "/request_id"
    assert ask(counter, user_id=uuid.uuid4()) == b"2"
    assert ask(counter, operation="CreateImport") == b"3"


def test_without_an_id_everything_happens_each_time(ask):
    counter = Counter()
    assert [ask(counter, request_id="") for _ in range(2)] == [b"1", b"2"]


def test_an_endless_id_is_invalid(ask):
    with pytest.raises(Invalid):
        ask(Counter(), request_id="x" * 201)


def test_what_failed_may_be_tried_again(ask):
    def fail() -> bytes:
        raise LookupError

    with pytest.raises(LookupError):
        ask(fail)
    assert ask(Counter()) == b"1"


def test_after_a_day_the_id_is_free_again(ask, database_for):
    counter = Counter()
    ask(counter)
    yesterday = sa.func.now() - sa.text("interval '25 hours'")
    with database_for("chassis").begin() as connection:
        connection.execute(sa.update(idempotency).values(created_at=yesterday))
    assert ask(counter, request=b"other body") == b"2"


def test_ten_at_once_are_one(ask):
    counter = Counter()
    answers: list[bytes] = []
    threads = [threading.Thread(target=lambda: answers.append(ask(counter))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [b"1"] * 10
