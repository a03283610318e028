"""People are written again exactly when they are not as they were written last."""

from collections.abc import Sequence

import pytest

from catalog.domain.movies import PersonRecord
from catalog.store import familiar as store
from catalog.store.familiar import Familiar


def person(person_id: int, name: str) -> PersonRecord:
    return PersonRecord(person_id, name, "Acting", "", 1.0)


def written(familiar: Familiar, *people: PersonRecord) -> Sequence[PersonRecord]:
    familiar.begin()
    strangers = familiar.strangers(people)
    familiar.committed()
    return strangers


def test_who_is_as_written_last_is_not_written_again():
    familiar = Familiar()
    first = person(1, "A")
    assert written(familiar, first, first) == [first]
    assert written(familiar, first) == []


def test_who_changes_back_is_written_again():
    familiar = Familiar()
    first, changed = person(1, "A"), person(1, "B")
    for told in (first, changed, first):
        assert written(familiar, told) == [told]


def test_of_two_who_share_a_place_only_the_last_is_familiar(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store, "_PLACES", 1024)
    familiar = Familiar()
    first, second = person(1, "A"), person(1025, "A")
    assert written(familiar, first, second) == [first, second]
    assert written(familiar, second) == []
    assert written(familiar, first) == [first]
    assert written(familiar, second) == [second]


def test_what_was_not_committed_is_written_again():
    familiar = Familiar()
    familiar.begin()
    familiar.strangers([person(1, "A")])
    assert written(familiar, person(1, "A")) == [person(1, "A")]


def test_who_is_told_twice_in_one_transaction_is_written_as_told_last():
    familiar = Familiar()
    first, second = person(1, "A"), person(1, "B")
    written(familiar, first)
    familiar.begin()
    assert familiar.strangers([second]) == [second]
    assert familiar.strangers([second]) == []
    assert familiar.strangers([first]) == [first]


def test_nobody_is_familiar_once_another_has_written_people():
    familiar = Familiar()
    written(familiar, person(1, "A"))
    familiar.forget()
    assert written(familiar, person(1, "A")) == [person(1, "A")]
