"""Erasing people: who has a part in it."""

from chassis.errors import Denied, NotFound

SERVICES = frozenset({"catalog", "interactions", "recommender", "analytics"})
"""Those that must have deleted what they hold before an erasure is done."""


class ErasureNotFound(NotFound):
    """No erasure of this id was asked for."""


class NotYourErasure(Denied):
    """A service acknowledges for itself only."""
