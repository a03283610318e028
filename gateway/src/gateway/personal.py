"""Pages of recommendations as ready bytes, kept while nothing they were made of has changed."""

import time
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gateway.cache import Recent

_PAGES: Final = 2_000
_FRESH_SECONDS: Final = 30.0
# What replicas of the recommender may take to follow an event that we have heard already.
_SETTLING_SECONDS: Final = 2.0

Question = tuple[UUID, bytes, str]
"""Who asks, the query as it was sent, and the language of the answer."""


@dataclass(frozen=True)
class Page:
    """An answer, and what of the person it had counted in."""

    body: bytes
    etag: str
    type: str
    """As it was asked for."""
    movies_count: int
    sequence: int
    preferences_version: int


class Pages:
    """Found again only for somebody who has done nothing since, as far as any gateway knows.

    What was done is told by the sequences; what changed for everybody clears all.
    """

    def __init__(self) -> None:
        self._pages: Recent[Question, Page] = Recent(_PAGES, _FRESH_SECONDS)
        self._settled_at = 0.0

    def find(
        self, question: Question, sequence: int | None, preferences_version: int | None
    ) -> Page | None:
        """The page, unless the person has gone on, or nobody knows whether they have."""
        if sequence is None or preferences_version is None:
            return None
        page = self._pages.get(question)
        if page is None:
            return None
        current = page.sequence >= sequence and page.preferences_version >= preferences_version
        return page if current else None

    def keep(self, question: Question, page: Page) -> None:
        """Keep a page, unless replicas may still be about to change it."""
        if time.monotonic() >= self._settled_at:
            self._pages.put(question, page)

    def clear(self) -> None:
        """Another model, or other movies."""
        self._pages.clear()
        self._settled_at = time.monotonic() + _SETTLING_SECONDS
