"""Measures of ranked lists and the ways to split what people did into before and after."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from recommender.ranking.arrays import Ints, Mask

Lists: TypeAlias = Mapping[int, Sequence[int]]


def ndcg(ranked: Sequence[int], liked: set[int], cut: int = 10) -> float:
    """Normalised discounted cumulative gain at `cut`, gains of one."""
    if not liked:
        return 0.0
    gain = sum(1.0 / np.log2(place + 2) for place, m in enumerate(ranked[:cut]) if m in liked)
    return float(gain / sum(1.0 / np.log2(place + 2) for place in range(min(cut, len(liked)))))


def recall(ranked: Sequence[int], liked: set[int], cut: int = 20) -> float:
    """Share of the liked movies within the first `cut`."""
    return len(liked.intersection(ranked[:cut])) / len(liked) if liked else 0.0


def reciprocal_rank(ranked: Sequence[int], liked: set[int]) -> float:
    """One over the place of the first liked movie."""
    return next((1.0 / place for place, m in enumerate(ranked, 1) if m in liked), 0.0)


def coverage(lists: Lists, movie_count: int, cut: int = 10) -> float:
    """Share of the movies that stand within the first `cut` of anyone's list."""
    shown = {movie for ranked in lists.values() for movie in ranked[:cut]}
    return len(shown) / movie_count if movie_count else 0.0


def novelty(lists: Lists, counts: Mapping[int, int], people: int, cut: int = 10) -> float:
    """Mean self-information, -log2 of the share of people who had the movie (Zhou et al. 2010)."""
    shares = [
        (counts.get(movie, 0) + 1) / (people + 1)
        for ranked in lists.values()
        for movie in ranked[:cut]
    ]
    return float(np.mean(-np.log2(shares))) if shares else 0.0


@dataclass(frozen=True)
class Quality:
    """Means over the people of a test, and each one's NDCG for paired comparisons."""

    ndcg_10: float
    recall_20: float
    mrr: float
    coverage_10: float
    novelty_10: float
    people: int
    ndcg_each: tuple[float, ...]


def quality(
    lists: Lists,
    liked: Mapping[int, set[int]],
    *,
    counts: Mapping[int, int],
    people: int,
    movie_count: int,
) -> Quality:
    """The measures over everyone who liked something; a person without a list scores zero."""
    judged = sorted(user for user, movies in liked.items() if movies)
    each = tuple(ndcg(lists.get(user, ()), liked[user]) for user in judged)

    def mean(measure: Callable[[Sequence[int], set[int]], float]) -> float:
        return _mean([measure(lists.get(user, ()), liked[user]) for user in judged])

    return Quality(
        ndcg_10=_mean(each),
        recall_20=mean(recall),
        mrr=mean(reciprocal_rank),
        coverage_10=coverage(lists, movie_count),
        novelty_10=novelty(lists, counts, people),
        people=len(judged),
        ndcg_each=each,
    )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0


@dataclass(frozen=True)
class Split:
    """Masks over the interactions: what trains, what is known of the tested, what is to come."""

    train: Mask
    history: Mask
    test: Mask


def strong_generalisation(users: Ints, rng: np.random.Generator, folds: int = 5) -> list[Split]:
    """sg: each fold's people are unseen in training and give a random 80% as history."""
    people = rng.permutation(np.unique(users))
    known = np.zeros(len(users), bool)
    for person in people:
        mine = rng.permutation(np.flatnonzero(users == person))
        known[mine[: round(0.8 * len(mine))]] = True
    parts = [np.isin(users, people[fold::folds]) for fold in range(folds)]
    return [Split(~out, out & known, out & ~known) for out in parts]


def leave_last_out(users: Ints, at: np.ndarray) -> Split:
    """loo: the last interaction of each person is to come."""
    order = np.lexsort((np.arange(len(users)), at, users))
    last = np.append(users[order][1:] != users[order][:-1], True) if len(users) else order
    test = np.zeros(len(users), bool)
    test[order[np.flatnonzero(last)]] = True
    return Split(~test, ~test, test)


def global_time(users: Ints, at: np.ndarray, share: float = 0.2) -> Split:
    """gt: the last `share` of everything by time, for people with something earlier."""
    order = np.lexsort((np.arange(len(users)), at))
    late = np.zeros(len(users), bool)
    late[order[len(order) - round(share * len(order)) :]] = True
    known = np.isin(users, users[~late])
    return Split(~late, ~late, late & known)
