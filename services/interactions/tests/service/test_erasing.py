"""Somebody who is erased leaves no row, and movies no longer count them."""

import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest
import sqlalchemy as sa

from chassis.events import Event
from interactions.operations.erasing import forget, imported_without
from interactions.subscriptions import count_interactions
from marquee.interactions.v1 import events_pb2 as events


def busy(person):
    """Somebody who has done one of everything."""
    person.RateMovie(movie_id=1, rating=4.5, review="mine alone")
    person.RateMovie(movie_id=2, rating=2.0)
    person.RateMovie(movie_id=3, rating=2.0)
    person.DeleteRating(movie_id=3)
    person.AddFavorite(movie_id=1)
    person.AddToWatchlist(movie_id=4, note="with grandmother")
    person.HideMovie(movie_id=5, reason="never")
    listed = person.CreateList(name="the best", visibility="private", request_id="r").list
    person.AddListMovie(list_id=listed.list_id, movie_id=6)
    return person


@pytest.fixture
def count(database):
    """Counts what has been written, as the consumer of our own events would."""

    def run():
        with database.begin() as connection:
            rows = connection.execute(sa.text("delete from outbox returning type, payload")).all()
            count_interactions(connection, [_told(row) for row in rows if "Hid" not in row.type])

    return run


def _told(row):
    return Event(uuid4(), row.type, "", 1, "", datetime.now(UTC), 1, bytes(row.payload))


def stats(service, *movie_ids):
    found = service.BatchGetMovieStats(movie_ids=movie_ids).stats
    return {
        one.movie_id: (one.ratings_count, one.favorites_count, one.reviews_count) for one in found
    }


def tables_with(database, user_id):
    with database.read() as connection:
        names = sa.inspect(connection).get_table_names()
        told = 'select count(*) from "{}" as one where one::text like :word'
        return {
            name
            for name in names
            if connection.execute(sa.text(told.format(name)), {"word": f"%{user_id}%"}).scalar()
        }


def erase(database, user_id):
    with database.begin() as connection:
        return forget(connection, user_id)


def test_all_rows_go_and_counts_with_them(database, person, service, count):
    ada, grace = busy(person()), busy(person())
    count()
    assert stats(service, 1, 2) == {1: (2, 2, 2), 2: (2, 0, 0)}
    assert len(tables_with(database, ada.user_id)) >= 6
    assert erase(database, ada.user_id) >= 8
    assert erase(database, ada.user_id) == 0
    assert tables_with(database, ada.user_id) <= {"idempotency"}, "which the chassis clears"
    assert stats(service, 1, 2) == {1: (1, 1, 1), 2: (1, 0, 0)}
    assert len(grace.ListRatings().ratings) == 2
    with database.read() as connection:
        left = connection.execute(sa.text("select count(*) from movie_list_entry")).scalar_one()
    assert left == 1


def test_events_that_come_late_still_add_up(database, person, service, count):
    ada = busy(person())
    erase(database, ada.user_id)
    count()
    assert set(stats(service, 1, 2, 4).values()) == {(0, 0, 0)}


def test_a_batch_of_several_people_keeps_the_others():
    ada, grace = uuid4(), uuid4()
    rated = [events.MovieRated(user_id=str(one), movie_id=1) for one in (ada, grace, ada)]
    payload = events.RatingsImported(ratings=rated).SerializeToString()
    left = imported_without(payload, ada)
    assert left is not None
    assert [one.user_id for one in events.RatingsImported.FromString(left).ratings] == [str(grace)]
    assert imported_without(left, grace) is None


def exported(person):
    document, token = {}, ""
    while True:
        reply = person.ExportPersonalData(page_token=token)
        for name, records in json.loads(reply.document_json).items():
            document.setdefault(name, []).extend(records)
        token = reply.next_page_token
        if not token:
            return document


def test_the_export_is_complete_and_ones_own(person):
    ada, grace = busy(person()), busy(person())
    document = exported(ada)
    assert {one["movie_id"]: one["review"] for one in document["ratings"]} == {
        1: "mine alone", 2: "", 3: "",
    }  # fmt: skip
    assert [one["note"] for one in document["watchlist"]] == ["with grandmother"]
    assert [one["reason"] for one in document["hidden_movies"]] == ["never"]
    assert [one["name"] for one in document["lists"]] == ["the best"]
    assert [one["movie_id"] for one in document["list_entries"]] == [6]
    assert str(grace.user_id) not in json.dumps(document)


def test_somebody_new_has_an_empty_export(person):
    assert set(map(len, exported(person()).values())) == {0}
