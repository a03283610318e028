"""People whom the writer need not look at again."""

from collections.abc import Iterable
from mmap import MAP_PRIVATE, mmap

from catalog.domain.movies import PersonRecord
from chassis.database import uuid7

_PLACES = 1 << 21
_BYTES_EACH = 8


class Familiar:
    """People as one writer has already written them: most of a movie's people come again and again.

    Each has a place by their id, which holds the hash of who was written last of those who share
    it: two million people in 16 MB at most, taken only where somebody is written. What a
    transaction writes counts once it is committed. Nobody is familiar any more once another writer
    has written people.
    """

    def __init__(self) -> None:
        self.writer_id = uuid7()
        self.forget()

    def begin(self) -> None:
        """A transaction begins; what the one before it did not commit was not written."""
        self._uncommitted: dict[int, int] = {}

    def strangers(self, people: Iterable[PersonRecord]) -> list[PersonRecord]:
        """Those that were not written just like this, each once, in the order of ids."""
        last_named = {person.person_id: person for person in people}
        uncommitted, written = self._uncommitted, self._written
        strangers = {
            person_id: hashed
            for person_id, person in last_named.items()
            if uncommitted.get(place := person_id % _PLACES, written[place])
            != (hashed := hash(person))
        }
        for person_id, hashed in strangers.items():
            uncommitted[person_id % _PLACES] = hashed
        return [last_named[person_id] for person_id in sorted(strangers)]

    def forget(self) -> None:
        """Another has written people since."""
        self._written = memoryview(mmap(-1, _PLACES * _BYTES_EACH, MAP_PRIVATE)).cast("q")
        self._uncommitted = {}

    def committed(self) -> None:
        """What the strangers were asked for has been written for good."""
        for place, hashed in self._uncommitted.items():
            self._written[place] = hashed
        self._uncommitted = {}
