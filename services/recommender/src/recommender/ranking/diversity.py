"""Greedy MAP inference of a determinantal point process (Chen, Zhang & Zhou 2018)."""

from math import sqrt

import numpy as np
from scipy.linalg import solve_triangular

from recommender.ranking.arrays import Floats, Ints

_DIVERSITY = (0.0, 0.25, 0.5, 1.0)
_WEIGHT = (0.0, 0.5, 0.7, 0.9)
# Keeps the kernel positive definite when two movies are described alike.
_OWN = 0.05
# How many movies further down come into view at a time.
_AT_ONCE = 64
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
    """Relevance descends, and no movie gains more than that: none needs to be looked at that is
    further down than the best gain."""
    size = len(relevance)
    reach = min(_AT_ONCE, size)
    # What the chosen, one a row, say of each; and how much of it nobody has said yet.
    basis = np.zeros((count, size), np.float32)
    left = np.ones(size, np.float32)
    open_to, gain = relevance.copy(), relevance.copy()
    chosen: list[int] = []
    for step in range(count):
        best = int(gain[:reach].argmax())
        while reach < size and relevance[reach] > gain[best]:
            new = slice(reach, min(reach + _AT_ONCE, size))
            basis[:step, new] = _caught_up(basis[:step, chosen], likeness[chosen, new])
            left[new] -= np.square(basis[:step, new]).sum(axis=0)
            gain[new] = relevance[new] + np.log(left[new])
            reach = new.stop
            best = int(gain[:reach].argmax())
        chosen.append(best)
        open_to[best] = -np.inf
        told = likeness[best, :reach] - basis[:step, best] @ basis[:step, :reach]
        told /= sqrt(left[best])
        basis[step, :reach] = told
        left[:reach] -= told * told
        left[best] = 1.0
        gain[:reach] = open_to[:reach] + np.log(left[:reach])
    return np.array(chosen, np.int64)


def _caught_up(basis: Floats, likeness: Floats) -> Floats:
    """(step, new) what the chosen say of the new; basis (step, step): of each other."""
    return solve_triangular(basis.T, likeness, lower=True) if len(basis) else likeness
