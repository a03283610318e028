"""Fields that TMDb did not send when this was written: passed over, but counted."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec
import orjson
from msgspec import inspect

from catalog.tmdb import shapes

_ONE_IN = 100
"""Bodies looked at: to look for what is new takes longer than to read a movie."""
_NAMES_LIMIT = 100
_NAME_LENGTH = 100

Known = Mapping[str, Any]


class Novelties:
    """In how many of the bodies looked at, the first and each hundredth after it, a field was."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._new: Counter[str] = Counter()
        self._bodies_count = 0

    def look(self, body: bytes) -> None:
        """See whether it is this body's turn, and what it holds that we do not know."""
        if self._bodies_count % _ONE_IN == 0:
            self._count(body)
        self._bodies_count += 1

    def new_counts(self) -> Mapping[str, int]:
        """What was counted since this was last asked."""
        new, self._new = self._new, Counter()
        return new

    def _count(self, body: bytes) -> None:
        try:
            movie = orjson.loads(body)
        except orjson.JSONDecodeError:
            return  # broken where nobody reads it
        for path in set(_unknown(movie, _MOVIE, "")):
            name = path.replace("\0", "")[:_NAME_LENGTH]
            if name in self.counts or len(self.counts) < _NAMES_LIMIT:
                self.counts[name] += 1
                self._new[name] += 1


def _known(kind: inspect.Type) -> Known:
    """The fields of a type, each with those below it; `*` are those of a dictionary's values."""
    match kind:
        case inspect.StructType():
            return {field.encode_name: _known(field.type) for field in kind.fields}
        case inspect.ListType():
            return _known(kind.item_type)
        case inspect.DictType():
            return {"*": _known(kind.value_type)}
        case inspect.UnionType():
            return {name: below for one in kind.types for name, below in _known(one).items()}
        case _:
            return {}


_MOVIE = _known(msgspec.inspect.type_info(shapes.Movie))


def _unknown(value: Any, known: Known, path: str) -> Iterator[str]:
    """Paths of the fields that are not known, without the positions of lists."""
    if isinstance(value, list):
        for one in cast("list[Any]", value):
            yield from _unknown(one, known, path)
    elif isinstance(value, dict):
        for told, below in cast("dict[str, Any]", value).items():
            name = "*" if "*" in known else told
            if name in known:
                yield from _unknown(below, known[name], f"{path}{name}.")
            elif f"{path}{name}" not in shapes.NOT_NEEDED:
                yield f"{path}{name}"
