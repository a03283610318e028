"""One trained model: plain arrays and a little JSON, and its rankers with scores side by side."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from recommender.ranking.als import Als
from recommender.ranking.arrays import Arrays, Floats, Ints, Mask, altered, unpack_sparse
from recommender.ranking.catalogue import GENRE, genre_columns, unpack_vocabulary
from recommender.ranking.content import Content, Genres
from recommender.ranking.ease import Ease
from recommender.ranking.neighbours import Neighbours
from recommender.ranking.rankers import Popularity, Ranker, Trend, Unmet, trend_of_now
from recommender.ranking.sequence import InTime
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
# Fewer people than this is nobody: TMDb's popularity stands for some.
_MET = 0.5
# What spreads less says nothing of the difference between movies.
LEAST_SPREAD = 1e-9
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

    def terms_of(self, movie: int) -> Ints:
        """The columns of a movie's terms."""
        start, end = self.rows.indptr[movie : movie + 2]
        return self.rows.indices[start:end]

    def likeness(self, places: Ints) -> Floats:
        """(p x p) from 0 to 1, how alike these movies are in genres and in who likes them; in all
        that is told of them where one of the two is not known."""
        content = self.rows[places]
        parts = [self.genres.likeness(places), (content @ content.T).toarray()]
        als = self._rankers.get("als")
        if isinstance(als, Als):
            parts[1] = als.likeness(places)
        if not len(self.genres):
            parts.pop(0)
        return np.mean(parts, axis=0)

    def ranker(self, name: str) -> Ranker | None:
        """The ranker of this name, if the model has it."""
        return self._rankers.get(name)

    def with_popularity(self, counts: Floats, recent: Floats) -> "Ensemble":
        """The same with popularity and recent popularity (n,) as they are now."""
        now = trend_of_now(recent)
        crowd: dict[str, Ranker] = {
            "popularity": Popularity(counts),
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
        """The same with these places (ascending) as its candidates: only they are scored, and
        only by the rankers of these names, all of them without."""
        asked = self._rankers
        if names is not None:
            asked = {name: asked[name] for name in names if name in asked}
        return altered(self, candidates=places, _scorers=self._narrowed(asked, places))

    def focused(self) -> "Ensemble":
        """With the MOST_CANDIDATES most popular as candidates, where there are more movies."""
        if len(self) <= MOST_CANDIDATES:
            return self
        order = np.argpartition(-self.popularity, MOST_CANDIDATES)
        return self.among(np.sort(order[:MOST_CANDIDATES]))

    def _narrowed(self, rankers: Mapping[str, Ranker], places: Ints) -> dict[str, Ranker]:
        if len(places) == len(self):
            return dict(rankers)
        return {name: ranker.among(places) for name, ranker in rankers.items()}

    def weights(self, kind: str, taste: Taste, *, without: frozenset[str]) -> dict[str, float]:
        """The blend of a type for a taste, with some rankers switched off.

        A list for now, after all that was trained on, is blended otherwise than one for a moment
        that lies within it.
        """
        moments = self.model.arrays["trend.moments"]
        ahead = len(moments) > 0 and taste.at >= moments[-1]
        table = self.model.arrays[f"blend.{kind}.ahead" if ahead else f"blend.{kind}"]
        table = table[bucket_of(len(taste))]
        return {
            name: float(weight)
            for name, weight in zip(RANKERS, table, strict=True)
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
        spreads = _spreads(scores) if scores.size else np.ones(scores.shape[:2], np.float32)
        spreads[spreads < LEAST_SPREAD] = 1.0
        return scores, spreads

    def raw_totals(self, taste: Taste, per_unit: Mapping[str, float]) -> Floats:
        """(c,) the candidates' scores, by what a unit of each ranker's own score adds."""
        total = np.zeros(len(self.candidates), np.float32)
        for name, unit in per_unit.items():
            total += np.float32(unit) * self._scorers[name].scores([taste])[0]
        return total

    def totals(self, taste: Taste, weights: Mapping[str, float]) -> tuple[Floats, dict[str, float]]:
        """(c,) the blended scores of the candidates, and what a unit of each ranker's own score
        adds to them."""
        total, per_unit = np.zeros(len(self.candidates), np.float32), dict[str, float]()
        for name, weight in weights.items():
            # One view after another: side by side they would not fit into the processor's cache.
            scores = np.ascontiguousarray(self._scorers[name].scores([taste]), np.float32)
            (spread,) = _spreads(scores[None])[0] if scores.size else (0.0,)
            per_unit[name] = weight / float(spread) if spread >= LEAST_SPREAD else weight
            total += np.float32(per_unit[name]) * scores[0]
        return total, per_unit


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
