"""Greedy MAP inference of a determinantal point process (Chen, Zhang & Zhou 2018)."""

from math import sqrt

import numpy as np

from recommender.ranking.arrays import Floats, Ints

_DIVERSITY = (0.0, 0.25, 0.5, 1.0)
_WEIGHT = (0.0, 0.5, 0.7, 0.9)
# Keeps the kernel positive definite when two movies are described alike.
_OWN = 0.05
# Quality within a pool is a handful of units apart; so is ln det of its likeness.
_RELEVANCE_SCALE = 12.0


def weight_of(diversity: float) -> float:
    """The weight of variety for a preference between 0 and 1; never 1."""
    return float(np.interp(diversity, _DIVERSITY, _WEIGHT))


def diversified(scores: Floats, likeness: Floats, count: int, diversity: float) -> Ints:
    """Positions of `count` of the pool, best first, trading score for unlikeness.

    scores (p,), best first; likeness (p x p) from 0 to 1. Maximises
    (1 - w) sum of relevance + w ln det of likeness, one movie at a time.
    """
    weight = weight_of(diversity)
    size = len(scores)
    if weight <= 0 or size < 2:
        return np.arange(min(count, size))
    kernel = likeness * np.float32(1 - _OWN)
    kernel[np.diag_indices(size)] = 1.0
    relevance = _relevance(scores) * np.float32((1 - weight) / weight)
    return _greedy(relevance, kernel, min(count, size))


def _relevance(scores: Floats) -> Floats:
    span = float(scores.max() - scores.min())
    return _RELEVANCE_SCALE * (scores - scores.min()) / np.float32(span or 1.0)


def _greedy(relevance: Floats, likeness: Floats, count: int) -> Ints:
    size = len(relevance)
    # What each of the chosen says of all, and how much of each nobody has said yet.
    basis = np.zeros((count, size), np.float32)
    left = np.ones(size, np.float32)
    open_to, gain = relevance.copy(), relevance.copy()
    chosen: list[int] = []
    for step in range(count):
        best = int(gain.argmax())
        chosen.append(best)
        open_to[best] = -np.inf
        told = basis[step]
        np.dot(basis[:step, best], basis[:step], out=told)
        np.subtract(likeness[best], told, out=told)
        told /= sqrt(left[best])
        # In place: a step is ten such operations, and memory anew for each takes as long again.
        np.multiply(told, told, out=gain)
        left -= gain
        left[best] = 1.0
        np.log(left, out=gain)
        gain += open_to
    return np.array(chosen, np.int64)
