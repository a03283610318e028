"""Forgetting a person: what remains is a keyed hash, by which a replay is known and ignored."""

from chassis.erasure.saga import Eraser, begin, finish, unfinished_user
from chassis.erasure.tombstones import Tombstones
from chassis.erasure.traces import forget_entries, forget_keys, forget_rows

__all__ = [
    "Eraser",
    "Tombstones",
    "begin",
    "finish",
    "forget_entries",
    "forget_keys",
    "forget_rows",
    "unfinished_user",
]
