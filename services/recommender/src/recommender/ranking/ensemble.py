"""One trained model: plain arrays and a little JSON, and its rankers with scores side by side."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from recommender.ranking.als import Als
from recommender.ranking.arrays import (
    Arrays,
    Floats,
    Ints,
    Mask,
    add_scaled,
    altered,
    unpack_sparse,
)
from recommender.ranking.catalogue import GENRE, genre_columns, unpack_vocabulary
from recommender.ranking.content import Content, Genres
from recommender.ranking.ease import Ease
from recommender.ranking.neighbours import Neighbours
from recommender.ranking.rankers import Popularity, Ranker, Trend, Unmet, trend_of_now
from recommender.ranking.sequence import InTime
from recommender.ranking.shortlisting import (
    LEAST_SPREAD,
    Dear,
    Shortlist,
    scores_at,
    shortlist,
)
from recommender.ranking.signals import Taste

FORMAT = 3
RANKERS = (
    "popularity", "trend", "unmet", "genres", "content",
    "ease", "als", "neighbours", "near", "next",
)  # fmt: skip
COLLABORATIVE = frozenset({"ease", "als", "neighbours", "near", "next"})
CONTENT = frozenset({"genres", "content"})
_CROWD = frozenset({"popularity", "trend", "unmet"})
TYPES: Mapping[str, frozenset[str]] = {
    "trending": frozenset({"trend"}),
    "popular": frozenset({"popularity"}),
    "genre_based": _CROWD | {"genres"},
    "content_based": _CROWD | CONTENT,
    "collaborative": _CROWD | COLLABORATIVE,
    "hybrid": _CROWD | CONTENT | COLLABORATIVE,
}
# Above so many movies a list is ranked among the most popular, and only where filters leave too few
# of those among the others: a list costs what this number says, however many movies there are.
MOST_CANDIDATES = 120_000
# By how many of the candidates, the most popular, it is measured how far a view's scores spread.
MEASURED = 10_000
# Fewer people than this is nobody: TMDb's popularity stands for some.
_MET = 0.5
# The least history length of each bucket that has blend weights of its own.
BUCKETS = (0, 1, 3, 6, 12, 25, 60)


@dataclass(frozen=True)
class Model:
    """What training makes and serving reads; storable as one .npy an array plus meta as JSON."""

    arrays: Arrays
    meta: dict[str, Any] = field(default_factory=dict)


def bucket_of(length: int) -> int:
    """The bucket of a history of this many movies."""
    return int(np.searchsorted(BUCKETS, length, side="right")) - 1


class Ensemble:
    """The rankers of a model, built once, used by every request at the same time (read only)."""

    def __init__(self, model: Model) -> None:
        arrays = model.arrays
        self.model = model
        self.movie_ids: Ints = arrays["movies.ids"]
        self.popularity: Floats = arrays["movies.counts"]
        # Nobody has met these.
        self.unmet: Mask = arrays["movies.counts"] <= 0
        self._order = np.argsort(self.movie_ids, kind="stable")
        self._sorted = self.movie_ids[self._order]
        self.vocabulary = unpack_vocabulary(arrays)
        self.rows = unpack_sparse("content", arrays)
        self.genres = _genres(self.rows, self.vocabulary)
        self._rankers = self._scorers = self._build(arrays)
        self.candidates: Ints = np.arange(len(self.movie_ids))
        self.measured = len(self.candidates)

    def __len__(self) -> int:
        return len(self.movie_ids)

    def _build(self, arrays: Arrays) -> dict[str, Ranker]:
        size = len(self.movie_ids)
        rankers: dict[str, Ranker] = {
            "popularity": Popularity(self.popularity),
            "trend": Trend(arrays, size),
            "unmet": Unmet(arrays, size),
            "genres": self.genres,
            "content": Content(self.rows),
        }
        if "ease.movies" in arrays:
            rankers["ease"] = Ease(arrays, size)
        if "als.factors" in arrays:
            rankers["als"] = Als(arrays)
        if "neighbours.data" in arrays:
            rankers["neighbours"] = Neighbours(arrays)
        if "sequence.after.data" in arrays:
            rankers["near"] = InTime(arrays, latest=False)
            rankers["next"] = InTime(arrays, latest=True)
        return rankers

    def positions(self, movie_ids: Ints) -> Ints:
        """Where each movie id stands in the model, -1 when it is not in it."""
        if not len(self.movie_ids):
            return np.full(len(movie_ids), -1, np.int64)
        places = np.minimum(np.searchsorted(self._sorted, movie_ids), len(self) - 1)
        return np.where(self._sorted[places] == movie_ids, self._order[places], -1)

    def terms_of(self, movie: int) -> dict[int, float]:
        """How much each of a movie's terms tells, by its column."""
        mine = slice(*self.rows.indptr[movie : movie + 2])
        told = zip(self.rows.indices[mine].tolist(), self.rows.data[mine].tolist(), strict=True)
        return dict(told)

    def likeness(self, places: Ints) -> Floats:
        """(p x p) from 0 to 1, how alike these movies are in genres and in who likes them; in all
        that is told of them where one of the two is not known."""
        als = self._rankers.get("als")
        parts = [self.genres.likeness(places)] if len(self.genres) else []
        if isinstance(als, Als):
            parts.append(als.likeness(places))
        else:
            content = self.rows[places]
            parts.append((content @ content.T).toarray())
        mean = parts[0]
        for part in parts[1:]:
            mean += part
        mean /= len(parts)
        return mean

    def ranker(self, name: str) -> Ranker | None:
        """The ranker of this name, if the model has it."""
        return self._rankers.get(name)

    def with_popularity(self, counts: Floats, recent: Floats, unit: float = 1.0) -> "Ensemble":
        """The same with popularity and recent popularity (n,) as they are now; below one unit a
        movie's popularity grows as its count does, above it ever less."""
        now = trend_of_now(recent / np.float32(unit))
        crowd: dict[str, Ranker] = {
            "popularity": Popularity(counts / np.float32(unit)),
            "trend": Trend(now, len(self)),
            "unmet": Unmet(now, len(self)),
        }
        return altered(
            self,
            popularity=counts,
            # Whom people have met since is known by that, not by what it is like.
            unmet=self.unmet & (counts < _MET),
            _rankers=self._rankers | crowd,
            _scorers=self._scorers | self._narrowed(crowd, self.candidates),
        )

    def among(self, places: Ints, names: Iterable[str] | None = None) -> "Ensemble":
        """The same with these places as its candidates, the most popular first: only they are
        scored, and only by the rankers of these names, all of them without."""
        asked = self._rankers
        if names is not None:
            asked = {name: asked[name] for name in names if name in asked}
        places = self._popular_first(places)
        measured = min(MEASURED, len(places))
        scorers = self._narrowed(asked, places)
        return altered(self, candidates=places, measured=measured, _scorers=scorers)

    def focused(self) -> "Ensemble":
        """Where there are more movies than are measured, with the MOST_CANDIDATES most popular as
        candidates, the popular first, and prepared for being asked often."""
        if len(self) <= MEASURED:
            return self
        return self.among(self.most_popular(np.arange(len(self)))).indexed()

    def indexed(self) -> "Ensemble":
        """The same, prepared for being asked often among these candidates."""
        content = self._scorers["content"]
        if not isinstance(content, Content):
            return self
        return altered(self, _scorers=self._scorers | {"content": content.indexed()})

    def most_popular(self, places: Ints) -> Ints:
        """As many of these places as there may be candidates, ascending."""
        if len(places) <= MOST_CANDIDATES:
            return places
        best = np.argpartition(-self.popularity[places], MOST_CANDIDATES)
        return np.sort(places[best[:MOST_CANDIDATES]])

    def _popular_first(self, places: Ints) -> Ints:
        """These places with the MEASURED most popular before the others, and of those the ones
        that nobody met last: they are looked at together."""
        if len(places) <= MEASURED:
            return places
        order = np.argpartition(-self.popularity[places], MEASURED)
        others = np.sort(order[MEASURED:])
        unmet = self.unmet[places[others]]
        return places[np.concatenate([np.sort(order[:MEASURED]), others[~unmet], others[unmet]])]

    def _narrowed(self, rankers: Mapping[str, Ranker], places: Ints) -> dict[str, Ranker]:
        if len(places) == len(self) <= MEASURED:
            return dict(rankers)
        return {name: ranker.among(places) for name, ranker in rankers.items()}

    def weights(self, kind: str, taste: Taste, *, without: frozenset[str]) -> dict[str, float]:
        """The blend of a type for a taste, with some rankers switched off.

        A list for now, after all that was trained on, is blended otherwise than one for a moment
        that lies within it.
        """
        moments = self.model.arrays["trend.moments"]
        if ahead := len(moments) > 0 and taste.at >= moments[-1]:
            # Whoever was to be met has been.
            without |= {"unmet"}
        table = self.model.arrays[f"blend.{kind}.ahead" if ahead else f"blend.{kind}"]
        row = table[bucket_of(len(taste))].tolist()
        return {
            name: weight
            for name, weight in zip(RANKERS, row, strict=True)
            if weight > 0 and name in self._rankers and name not in without
        }

    def scores(self, tastes: Sequence[Taste], names: Sequence[str]) -> tuple[Floats, Floats]:
        """(b, k, c) scores of the named rankers for the candidates, each divided by its spread;
        spreads (b, k)."""
        scores, spreads = self._raw(tastes, names)
        scores /= spreads[:, :, None]
        return scores, spreads

    def _raw(self, tastes: Sequence[Taste], names: Sequence[str]) -> tuple[Floats, Floats]:
        scores = np.empty((len(tastes), len(names), len(self.candidates)), np.float32)
        for row, name in enumerate(names):
            scores[:, row] = self._scorers[name].scores(tastes)
        measured = scores[:, :, : self.measured]
        spreads = _spreads(measured) if scores.size else np.ones(scores.shape[:2], np.float32)
        spreads[spreads < LEAST_SPREAD] = 1.0
        return scores, spreads

    def usual(self, name: str, taste: Taste) -> float:
        """What a ranker says of the candidates that its spread is measured by, on average."""
        return float(self._scorers[name].scores([taste])[0][: self.measured].mean())

    def raw_totals(self, taste: Taste, per_unit: Mapping[str, float]) -> Floats:
        """(c,) the candidates' scores, by what a unit of each ranker's own score adds."""
        total = np.zeros(len(self.candidates), np.float32)
        for name, unit in per_unit.items():
            add_scaled(total, unit, self._scorers[name].scores([taste])[0])
        return total

    def by_factors(self, taste: Taste, places: Ints) -> Floats:
        """How well the movies at these places among the candidates, ascending, suit by their
        factors alone."""
        als = self._scorers["als"]
        if not isinstance(als, Dear):
            return np.zeros(len(places), np.float32)
        asked = als.asked(taste)
        parts = np.split(places, np.searchsorted(places, [self.measured]))
        return np.concatenate([scores_at(als, asked, part) for part in parts])

    def shortlist(
        self, taste: Taste, weights: Mapping[str, float], open_to: Mask, wanted: int
    ) -> Shortlist:
        """The `wanted` best of the open candidates (c,), and who is as good as the last of them."""
        return shortlist(self._scorers, self.measured, taste, weights, open_to, wanted)


def _spreads(scores: Floats) -> Floats:
    """The standard deviation of each row, with each row read but twice."""
    size = scores.shape[2]
    mean = scores @ np.full(size, 1.0 / size, np.float32)
    squares = np.einsum("bkn,bkn->bk", scores, scores) / size
    variances = squares - np.square(mean)
    # What is left of equal scores by rounding is no spread.
    return np.sqrt(np.where(variances > 1e-5 * squares, variances, 0.0)).astype(np.float32)


def _genres(rows: Any, vocabulary: Sequence[str]) -> Genres:
    columns = genre_columns(vocabulary)
    ids = [_number(vocabulary[int(column)].removeprefix(GENRE)) for column in columns]
    genres = rows[:, columns].copy()
    genres.data = np.ones_like(genres.data)
    return Genres(genres, np.array(ids, np.int64))


def _number(text: str) -> int:
    return int(text) if text.lstrip("-").isdigit() else -1
