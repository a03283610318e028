"""Where learning stops, and what is left to chance."""

import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from recommender.domain import EXPLORED_AMONG, Exploration
from recommender.ranking.als import enough_iterations
from recommender.ranking.blending import Case, learn_weights, sure_gain
from recommender.ranking.catalogue import catalogue_of
from recommender.ranking.ensemble import RANKERS
from recommender.ranking.signals import Signals
from recommender.ranking.training import Interactions, Options, learn, material


@pytest.mark.parametrize(
    ("found", "expected", "looked"),
    [
        ([0.1, 0.2, 0.3, 0.301, 0.4], 20, 4),
        ([0.3, 0.2, 0.9], 12, 2),
        ([0.1, 0.2, 0.3, 0.4], 24, 4),
        ([0.0, 0.0], 12, 2),
        ([0.5], 12, 1),
    ],
)
def test_als_stops_where_more_finds_no_more(found: list[float], expected: int, looked: int):
    looks, left = (12, 16, 20, 24, 28)[: len(found)], list(found)
    made = ({"als.prior": np.array([look])} for look in looks)
    assert enough_iterations(lambda _arrays: left.pop(0), made, looks) == expected
    assert len(found) - len(left) == looked


def test_without_exploration_the_best_come_first_and_nothing_is_probable():
    assert Exploration().order(4) == ([0, 1, 2, 3], [])


@pytest.mark.parametrize("share", [0.1, 0.2, 1.0])
def test_probabilities_are_those_of_what_happens(share: float):
    exploration, tries = Exploration(share, random.Random(5)), 4_000
    first: Counter[int] = Counter()
    told: dict[int, float] = {}
    for _ in range(tries):
        order, probabilities = exploration.order(5)
        assert sorted(order) == [0, 1, 2, 3, 4]
        assert probabilities[-1] == pytest.approx(1.0)
        first[order[0]] += 1
        told[order[0]] = probabilities[0]
    assert sum(told.values()) == pytest.approx(1.0)
    for place, probability in told.items():
        assert first[place] / tries == pytest.approx(probability, abs=0.04)


def test_nothing_comes_forward_from_further_than_is_explored():
    order, _ = Exploration(1.0, random.Random(5)).order(200)
    assert max(place - at for at, place in enumerate(order)) < EXPLORED_AMONG


def test_where_als_stops_is_not_changed_by_movies_that_nobody_met():
    rng = np.random.default_rng(3)
    mine = [rng.permutation(np.arange(person % 2, 40, 2))[:13] for person in range(130)]
    movies, users = np.concatenate(mine), np.repeat(np.arange(130), 13)
    stars, at = np.full(len(movies), 5.0, "f4"), rng.random(len(movies))
    known = Interactions(users, Signals(movies, np.zeros(len(movies), int), stars, at))
    stops = set[int]()
    for size in (40, 400):
        catalogue = catalogue_of(range(size), [[]] * size)
        stops.add(learn(material(known, catalogue), Options()).options.iterations)
    assert len(stops) == 1


def _cases_told_by(*rankers: str, among: Sequence[str] = ("ease", "als", "content")) -> list[Case]:
    """People of 12 to 24 movies who like those of 40 candidates that these rankers like."""
    rng, rows = np.random.default_rng(4), [RANKERS.index(name) for name in rankers]
    cases: list[Case] = []
    for _ in range(60):
        scores = np.zeros((len(RANKERS), 40), np.float32)
        others = [RANKERS.index(name) for name in among]
        scores[others] = rng.normal(size=(len(others), 40))
        best = np.argsort(-scores[rows].sum(axis=0))[:5]
        cases.append(Case(4, scores, np.isin(np.arange(40), best), 5))
    return cases


@pytest.mark.parametrize(
    ("rankers", "content", "als"), [(("ease", "content"), 0.5, 0.15), (("ease", "als"), 0.0, 0.7)]
)
def test_people_tell_how_well_movies_are_known_also_for_histories_nobody_of_them_has(
    rankers: tuple[str, ...], content: float, als: float
):
    tables = learn_weights(_cases_told_by(*rankers), [], frozenset(RANKERS))
    longest = dict(zip(RANKERS, tables["blend.hybrid"][-1].tolist(), strict=True))
    assert longest["content"] == pytest.approx(content)
    assert longest["als"] == pytest.approx(als)
    assert longest["ease"] == 1.0


@pytest.mark.parametrize(("told_by", "haste"), [("trend", 8.0), ("ease", 0.5)])
def test_moments_before_tell_how_much_recency_counts_and_favorite_genres_lead_as_before(
    told_by: str, haste: float
):
    ahead = _cases_told_by(told_by, among=("ease", "trend"))
    tables = [learn_weights([], cases, frozenset(RANKERS)) for cases in ([], ahead)]
    usual, hasty = (each["blend.hybrid.ahead"] for each in tables)
    trend = RANKERS.index("trend")
    assert hasty[1:, trend] == pytest.approx(haste * usual[1:, trend])
    assert hasty[0].sum() == pytest.approx(usual[0].sum())
    genres = RANKERS.index("genres")
    assert hasty[0, genres] == usual[0, genres] > 0


def test_a_gain_that_may_be_chance_is_none():
    before, counts = np.full(100, 0.5, np.float32), np.ones(100, np.float32)
    gains = np.random.default_rng(2).normal(0.0, 0.1, 100).astype(np.float32)
    gains -= gains.mean()
    assert sure_gain(before, before + gains + 0.01, counts) == 0.0
    assert sure_gain(before, before + gains - 0.05, counts) == 0.0
    assert sure_gain(before, before + gains + 0.05, counts) == pytest.approx(0.05, abs=1e-6)
