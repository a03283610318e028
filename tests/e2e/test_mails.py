"""Recommendations by mail: the job of the real suite, to a real mail server."""

from typing import cast
from uuid import uuid4

import pytest
import sqlalchemy as sa
from running_suite import Person, Suite, eventually

from chassis.database import connect
from chassis.jobs import enqueue, wake_on_commit
from chassis.testing.mail import Postbox

pytestmark = pytest.mark.e2e


def do_the_chore(suite: Suite) -> None:
    """Have the users service's worker do it now, and wait until it has."""
    stores, key = suite.stores(), f"now-{uuid4()}"
    database = connect(stores["databases"]["users"], pool_size=1, application_name="test")
    wake_on_commit(database, name="users", redis_url=stores["redis"][0])
    with database.begin() as connection:
        job_id = enqueue(connection, "mail_recommendations", key=key)

    def state() -> str:
        with database.read() as connection:
            asked = sa.text("select state from job where job_id = :job_id")
            return connection.execute(asked, {"job_id": job_id}).scalar_one()

    eventually(lambda: state() == "done")
    database.dispose()


def mails_to(person: Person, mailbox: Postbox) -> list[str]:
    return [
        cast(bytes, mail.get_payload(decode=True)).decode()
        for mail in mailbox.delivered
        if mail["X-Envelope-To"] == person.email
    ]


def titles_in(mail: str) -> list[str]:
    return [line.removeprefix("  - ") for line in mail.splitlines() if line.startswith("  - ")]


def test_who_wants_it_is_mailed_what_is_recommended_to_them_once_a_week(
    suite: Suite, mailbox: Postbox
) -> None:
    person, other = suite.person(), suite.person()
    wanted = {"email_notifications": True, "recommendation_emails": True}
    assert person.api.patch("/me/preferences", json=wanted).status_code == 200
    unwanted = {"recommendation_emails": False}
    assert other.api.patch("/me/preferences", json=unwanted).status_code == 200
    seen = person.api.get("/movies", params={"page_size": 3}).json()["items"]
    for movie in seen:
        person.rate(movie["movie_id"], 5.0)
    do_the_chore(suite)
    [mail] = mails_to(person, mailbox)
    titles = titles_in(mail)
    assert len(titles) == 10
    assert not set(titles) & {f"{one['title']} ({one['release_date'][:4]})" for one in seen}

    def shown() -> list[str]:
        page = person.api.get("/me/recommendations/history", params={"page_size": 10}).json()
        ordered = sorted(page["items"], key=lambda one: one["position"])
        movies = [one["movie"] for one in ordered]
        return [f"{movie['title']} ({movie['release_date'][:4]})" for movie in movies]

    eventually(lambda: shown() == titles)
    do_the_chore(suite)
    assert len(mails_to(person, mailbox)) == 1
    assert mails_to(other, mailbox) == []
