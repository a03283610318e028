"""CatalogService answered: unpack, one transaction, pack."""

from catalog.rpc.imports import ImportsServicer
from catalog.rpc.movies import MoviesServicer
from catalog.rpc.people import PeopleServicer
from catalog.rpc.syncing import SyncServicer


class CatalogServicer(MoviesServicer, PeopleServicer, ImportsServicer, SyncServicer):
    """All of the contract."""


__all__ = ["CatalogServicer"]
