"""Ratings given elsewhere, at their own times, and what becomes of those that were here before."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

IMPORTED_RATINGS_AT_ONCE = 500


@dataclass(frozen=True)
class ImportedRating:
    """A rating given elsewhere, at its own time."""

    user_id: UUID
    movie_id: int
    rating: float
    rated_at: datetime
    review: str = ""
    has_spoilers: bool = False
    dated: bool = True
    """Whether `rated_at` is known; else it is the present, and the rating only fills a gap."""


@dataclass(frozen=True)
class RatingBefore:
    """What stands where an imported rating wants to go."""

    rating: float
    review: str
    has_spoilers: bool
    deleted: bool
    changed_at: datetime

    def after(self, imported: ImportedRating) -> ImportedRating | None:
        """What is to stand there; None when it stands already.

        A younger rating, or a younger wish to have none, wins. A review is kept beside a younger
        rating that came without one, and also fills a gap from before it.
        """
        younger = imported.dated and imported.rated_at > self.changed_at
        if self.deleted:
            return imported if younger else None
        reviewed = bool(imported.review) and (younger or not self.review)
        wanted = replace(
            imported,
            rating=imported.rating if younger else self.rating,
            review=imported.review if reviewed else self.review,
            has_spoilers=imported.has_spoilers if reviewed else self.has_spoilers,
            rated_at=imported.rated_at if younger else self.changed_at,
        )
        same = wanted.rating == self.rating and wanted.review == self.review
        return None if same else wanted


@dataclass(frozen=True)
class NumberedRating:
    """An imported rating with its place in its owner's sequence, and what it replaces."""

    imported: ImportedRating
    sequence: int
    previous_rating: float
    had_review: bool


def numbered(
    ratings: list[ImportedRating],
    before: Mapping[tuple[UUID, int], RatingBefore],
    sequences: Mapping[UUID, int],
) -> list[NumberedRating]:
    """Those that change something, each with the next number of its owner, oldest first."""
    last = dict(sequences)
    kept: list[NumberedRating] = []
    for rating in sorted(_youngest(ratings), key=lambda one: (one.rated_at, one.movie_id)):
        found = before.get((rating.user_id, rating.movie_id))
        wanted = rating if found is None else found.after(rating)
        if wanted is None:
            continue
        last[rating.user_id] += 1
        live = found if found is not None and not found.deleted else None
        kept.append(
            NumberedRating(
                imported=wanted,
                sequence=last[rating.user_id],
                previous_rating=live.rating if live else 0.0,
                had_review=bool(live and live.review),
            )
        )
    return kept


def _youngest(ratings: list[ImportedRating]) -> list[ImportedRating]:
    """One for each person and movie: the last given, with the last review there is."""
    found: dict[tuple[UUID, int], ImportedRating] = {}
    for rating in sorted(ratings, key=lambda one: one.rated_at):
        key = rating.user_id, rating.movie_id
        before = found.get(key)
        if before is not None and before.review and not rating.review:
            rating = replace(rating, review=before.review, has_spoilers=before.has_spoilers)
        found[key] = rating
    return list(found.values())
