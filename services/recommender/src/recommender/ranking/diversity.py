"""Greedy MAP inference of a determinantal point process (Chen, Zhang & Zhou 2018)."""

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
    kernel = likeness.astype(np.float64) * (1 - _OWN)
    kernel[np.diag_indices(size)] = 1.0
    return _greedy(_relevance(scores) * (1 - weight) / weight, kernel, min(count, size))


def _relevance(scores: Floats) -> np.ndarray:
    span = float(scores.max() - scores.min())
    return _RELEVANCE_SCALE * (scores.astype(np.float64) - scores.min()) / (span or 1.0)


def _greedy(relevance: np.ndarray, likeness: np.ndarray, count: int) -> Ints:
    size = len(relevance)
    left = np.ones(size)
    basis = np.zeros((count, size))
    chosen: list[int] = []
    open_to = np.ones(size, bool)
    for step in range(count):
        gain = np.where(open_to, relevance + np.log(np.maximum(left, 1e-12)), -np.inf)
        best = int(np.argmax(gain))
        chosen.append(best)
        open_to[best] = False
        shared = basis[:step, best] @ basis[:step]
        basis[step] = (likeness[best] - shared) / np.sqrt(max(left[best], 1e-12))
        left = np.maximum(left - np.square(basis[step]), 1e-12)
    return np.array(chosen, np.int64)
