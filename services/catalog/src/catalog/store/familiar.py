"""People whom the writer need not look at again."""

from collections.abc import Iterable

from catalog.domain import PersonRecord
from chassis.database import uuid7

_FAMILIAR = 50_000


class Familiar:
    """People as one writer has already written them: most of a movie's people come again and again.

    The last hundred thousand or so; a transaction's own count only once it is committed. Nobody is
    familiar any more once another writer has written people.
    """

    def __init__(self) -> None:
        self.writer_id = uuid7()
        self._young: dict[int, int] = {}
        self._old: dict[int, int] = {}
        self._uncommitted: dict[int, int] = {}

    def begin(self) -> None:
        """A transaction begins; what the one before it did not commit was not written."""
        self._uncommitted = {}

    def strangers(self, people: Iterable[PersonRecord]) -> list[PersonRecord]:
        """Those that were not written just like this, each once, in the order of ids."""
        last_named = {person.person_id: person for person in people}
        strangers: list[PersonRecord] = []
        for person_id in sorted(last_named):
            person = last_named[person_id]
            hashed = hash(person)
            last = self._uncommitted.get(person_id, self._young.get(person_id))
            if last == hashed:
                continue
            self._uncommitted[person_id] = hashed
            if last is not None or self._old.get(person_id) != hashed:
                strangers.append(person)
        return strangers

    def forget(self) -> None:
        """Another has written people since."""
        self._young, self._old, self._uncommitted = {}, {}, {}

    def committed(self) -> None:
        """What the strangers were asked for has been written for good."""
        self._young |= self._uncommitted
        self._uncommitted = {}
        if len(self._young) > _FAMILIAR:
            self._young, self._old = {}, self._young
