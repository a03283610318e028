"""Own lists, spoken to through the door."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from interactions_world import refused

from chassis.errors import Unavailable
from interactions.domain.lists import LISTS_OF_A_PERSON
from interactions.store import movies

SOME_LIST = "0193f2d4-7c1b-7000-8000-5a1e0c0ffee0"
NOT_FOUND = ("NOT_FOUND", "LIST_NOT_FOUND")


def order(reader, list_id) -> list[int]:
    entries = reader.GetList(list_id=list_id, page_size=100).entries
    assert [one.position for one in entries] == list(range(len(entries)))
    return [one.movie_id for one in entries]


def made(owner, name="Mine", **more) -> str:
    return owner.CreateList(name=name, **more).list.list_id


def test_a_list_is_made_changed_and_deleted(person):
    somebody = person()
    first = somebody.CreateList(name="  Best of  ", description="All of it").list
    assert (first.name, first.visibility, first.movies_count) == ("Best of", "private", 0)
    changed = somebody.UpdateList(
        list={"list_id": first.list_id, "name": "Worst of", "visibility": "public"},
        update_mask={"paths": ["name", "visibility"]},
        etag=first.etag,
    ).list
    assert (changed.name, changed.description, changed.visibility) == (
        "Worst of",
        "All of it",
        "public",
    )
    assert changed.etag != first.etag
    somebody.AddListMovie(list_id=first.list_id, movie_id=1)
    assert somebody.DeleteList(list_id=first.list_id).movies_count == 1
    assert refused(lambda: somebody.GetList(list_id=first.list_id)) == NOT_FOUND


def test_ranks_stay_short_however_often_two_movies_change_places(person):
    somebody = person()
    list_id = made(somebody)
    for movie_id in (1, 2, 3, 4):
        somebody.AddListMovie(list_id=list_id, movie_id=movie_id)
    for _ in range(50):
        for movie_id in (2, 3):
            moved = somebody.AddListMovie(list_id=list_id, movie_id=movie_id, position=2)
            assert len(moved.entry.etag) <= 66
    assert order(somebody, list_id) == [1, 2, 3, 4]


def test_the_same_request_makes_one_list(person):
    somebody = person()
    first = made(somebody, request_id="1")
    assert made(somebody, request_id="1") == first
    assert made(somebody, request_id="2") != first
    code = refused(lambda: made(somebody, "Other", request_id="1"))
    assert code == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED")


def test_movies_keep_the_order_they_are_given(person):
    somebody = person()
    list_id = made(somebody)
    for movie_id in (1, 2, 3):
        assert somebody.AddListMovie(list_id=list_id, movie_id=movie_id).created
    somebody.AddListMovie(list_id=list_id, movie_id=4, position=0)
    somebody.AddListMovie(list_id=list_id, movie_id=5, position=2)
    somebody.AddListMovie(list_id=list_id, movie_id=6, position=99)
    assert order(somebody, list_id) == [4, 1, 5, 2, 3, 6]
    moved = somebody.AddListMovie(list_id=list_id, movie_id=6, position=1)
    assert (moved.created, moved.entry.position) == (False, 1)
    assert not somebody.AddListMovie(list_id=list_id, movie_id=6).created
    assert somebody.RemoveListMovie(list_id=list_id, movie_id=1).removed
    assert not somebody.RemoveListMovie(list_id=list_id, movie_id=1).removed
    assert order(somebody, list_id) == [4, 6, 5, 2, 3]
    listed = somebody.ListLists().lists
    assert [one.movies_count for one in listed] == [5]


def test_any_sequence_of_moves_is_what_a_plain_list_would_do(person):
    somebody, chance, plain = person(), random.Random(7), []
    list_id = made(somebody)
    for _ in range(120):
        movie_id, position = chance.randint(1, 12), chance.randint(0, 12)
        somebody.AddListMovie(list_id=list_id, movie_id=movie_id, position=position)
        if movie_id in plain and plain.index(movie_id) == position:
            continue
        plain = [one for one in plain if one != movie_id]
        plain.insert(position, movie_id)
    assert order(somebody, list_id) == plain


def test_pages_neither_repeat_nor_skip_when_movies_come_in_front(person):
    somebody = person()
    list_id = made(somebody)
    for movie_id in range(1, 21):
        somebody.AddListMovie(list_id=list_id, movie_id=movie_id)
    first = somebody.GetList(list_id=list_id, page_size=12)
    somebody.AddListMovie(list_id=list_id, movie_id=50, position=0)
    rest = somebody.GetList(list_id=list_id, page_size=12, page_token=first.next_page_token)
    assert [one.movie_id for one in [*first.entries, *rest.entries]] == list(range(1, 21))
    assert rest.next_page_token == ""
    assert rest.titles[20] == "Movie 20"


def test_lists_are_newest_first_and_paged(person):
    somebody = person()
    ids = [made(somebody, f"List {number}") for number in range(5)]
    first = somebody.ListLists(page_size=3)
    made(somebody, "Newer")
    rest = somebody.ListLists(page_size=3, page_token=first.next_page_token)
    seen = [one.list_id for one in [*first.lists, *rest.lists]]
    assert seen == ids[::-1]
    token = first.next_page_token
    assert refused(lambda: person().ListLists(page_token=token))[0] == "INVALID_ARGUMENT"


def test_who_may_see_a_list(person, others):
    owner, friend, stranger = person(), person(), person()
    others.friends = {(str(owner.user_id), str(friend.user_id))}
    private = made(owner)
    shared = made(owner, visibility="friends")
    public = made(owner, visibility="public")
    for list_id in (private, shared, public):
        assert owner.GetList(list_id=list_id).list.list_id == list_id
    assert friend.GetList(list_id=shared).list.list_id == shared
    assert stranger.GetList(list_id=public).list.list_id == public
    for attempt in (
        lambda: friend.GetList(list_id=private),
        lambda: stranger.GetList(list_id=shared),
        lambda: stranger.GetList(list_id=private),
    ):
        assert refused(attempt) == NOT_FOUND
    others.down = Unavailable("down")
    code = refused(lambda: friend.GetList(list_id=shared))
    assert code == ("UNAVAILABLE", "USERS_UNAVAILABLE")
    assert owner.GetList(list_id=shared).list.list_id == shared


@pytest.mark.parametrize("visibility", ["public", "friends", "private"])
def test_nobody_changes_anothers_list(person, others, visibility):
    owner, other = person(), person()
    others.friends = {(str(owner.user_id), str(other.user_id))}
    list_id = made(owner, visibility=visibility)
    owner.AddListMovie(list_id=list_id, movie_id=1)
    for attempt in (
        lambda: other.UpdateList(
            list={"list_id": list_id, "name": "Theirs"}, update_mask={"paths": ["name"]}
        ),
        lambda: other.DeleteList(list_id=list_id),
        lambda: other.AddListMovie(list_id=list_id, movie_id=2),
        lambda: other.RemoveListMovie(list_id=list_id, movie_id=1),
    ):
        assert refused(attempt) == NOT_FOUND
    assert order(owner, list_id) == [1]


def test_a_change_decided_upon_an_old_version_is_refused(person):
    somebody = person()
    first = somebody.CreateList(name="Mine").list
    somebody.AddListMovie(list_id=first.list_id, movie_id=1)
    for attempt in (
        lambda: somebody.UpdateList(
            list={"list_id": first.list_id, "name": "New"},
            update_mask={"paths": ["name"]},
            etag=first.etag,
        ),
        lambda: somebody.DeleteList(list_id=first.list_id, etag=first.etag),
    ):
        assert refused(attempt) == ("ABORTED", "LIST_CHANGED")
    etag = somebody.GetList(list_id=first.list_id).list.etag
    assert somebody.DeleteList(list_id=first.list_id, etag=etag).movies_count == 1


@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("CreateList", {"name": ""}),
        ("CreateList", {"name": "x" * 101}),
        ("CreateList", {"name": "nul\0"}),
        ("CreateList", {"name": "turned\u202e"}),
        ("CreateList", {"name": "Rainy\u200b"}),
        ("CreateList", {"name": "x", "description": "x" * 1001}),
        ("CreateList", {"name": "x", "description": "turned\u202e"}),
        ("CreateList", {"name": "x", "visibility": "secret"}),
        ("CreateList", {"name": "x", "request_id": "x" * 201}),
        ("ListLists", {"page_size": -1}),
        ("ListLists", {"page_token": "rubbish"}),
        ("UpdateList", {"list": {"name": "x"}, "update_mask": {"paths": ["user_id"]}}),
        ("UpdateList", {"list": {"name": ""}, "update_mask": {"paths": ["name"]}}),
        ("AddListMovie", {"list_id": SOME_LIST, "movie_id": 1, "position": -1}),
        ("AddListMovie", {"list_id": SOME_LIST, "movie_id": 0}),
    ],
)
def test_what_cannot_be_meant_is_refused(person, method, values):
    assert refused(lambda: getattr(person(), method)(**values))[0] == "INVALID_ARGUMENT"


@pytest.mark.parametrize("list_id", ["", "x", "4dbc696a-d771-4560-9a80-c11f4df5c6a9"])
def test_an_unknown_list_is_not_found(person, list_id):
    somebody = person()
    assert refused(lambda: somebody.GetList(list_id=list_id)) == NOT_FOUND
    assert refused(lambda: somebody.DeleteList(list_id=list_id)) == NOT_FOUND


def test_a_movie_that_has_gone_stays_with_its_title_and_cannot_be_added(person, database):
    somebody = person()
    list_id = made(somebody)
    somebody.AddListMovie(list_id=list_id, movie_id=9)
    with database.begin() as connection:
        movies.remove_movies(connection, [9, 10], removed_at=datetime.now(UTC))
    assert dict(somebody.GetList(list_id=list_id).titles) == {9: "Movie 9"}
    for movie_id in (10, 4711):
        code = refused(
            lambda movie_id=movie_id: somebody.AddListMovie(list_id=list_id, movie_id=movie_id)
        )
        assert code == ("NOT_FOUND", "MOVIE_NOT_FOUND")


def test_fifty_movies_at_once_all_find_a_place(person):
    somebody = person()
    list_id = made(somebody)
    with ThreadPoolExecutor(16) as pool:
        list(
            pool.map(
                lambda one: somebody.AddListMovie(list_id=list_id, movie_id=one, position=0),
                range(1, 51),
            )
        )
    assert sorted(order(somebody, list_id)) == list(range(1, 51))
    assert somebody.ListLists().lists[0].movies_count == 50


def test_nobody_has_more_lists_than_anybody_may(person):
    somebody = person()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: made(somebody, f"List {one}"), range(LISTS_OF_A_PERSON)))
    assert refused(lambda: made(somebody)) == ("FAILED_PRECONDITION", "LIST_LIMIT_REACHED")
    assert made(person())


def test_a_full_list_takes_no_other_movie(person, database):
    somebody = person()
    list_id = made(somebody)
    somebody.AddListMovie(list_id=list_id, movie_id=1)
    with database.begin() as connection:
        connection.exec_driver_sql("update movie_list set movies_count = 1000")
    code = refused(lambda: somebody.AddListMovie(list_id=list_id, movie_id=2))
    assert code == ("FAILED_PRECONDITION", "LIST_FULL")
    assert not somebody.AddListMovie(list_id=list_id, movie_id=1).created
