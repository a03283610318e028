"""Of many movies the dear views are had of few, and the list is the one that all would make."""

import numpy as np
import pytest

from recommender.ranking.arrays import best_first
from recommender.ranking.catalogue import catalogue_of
from recommender.ranking.ensemble import MEASURED, TYPES, Ensemble
from recommender.ranking.ranked import Wish, rank
from recommender.ranking.signals import Signals, Taste, taste_of
from recommender.ranking.training import Interactions, Options, train

MOVIES, PEOPLE, RATED, TOP = MEASURED + 6_000, 250, 40, 50
LATER = 1e9


@pytest.fixture(scope="module")
def world() -> Ensemble:
    """More movies than are measured, of which some people met many by a long tail."""
    rng = np.random.default_rng(5)
    users = np.repeat(np.arange(PEOPLE), RATED)
    movies = (rng.random(len(users)) ** 3 * MOVIES * 0.9).astype(np.int64)
    at = np.sort(rng.random(len(users))) * 1e8
    signals = Signals(movies, np.zeros(len(users), int), np.full(len(users), 5.0, "f4"), at)
    words = (rng.random((MOVIES, 6)) ** 3 * 900).astype(int)
    documents = [
        [f"g:{1 + movie % 7}", *(f"w:{word}" for word in row)] for movie, row in enumerate(words)
    ]
    catalogue = catalogue_of(range(MOVIES), documents)
    model = train(Interactions(users, signals), catalogue, Options(learn_blend=False))
    return Ensemble(model)


@pytest.fixture(scope="module")
def ensemble(world: Ensemble) -> Ensemble:
    """The same, ranked among its most popular movies first."""
    return world.focused()


@pytest.fixture(scope="module")
def misled(world: Ensemble) -> Ensemble:
    """One where the most popular are not what people met: they say little of what is best."""
    counts = np.where(world.unmet, 0.4, 0.1).astype(np.float32)
    return world.with_popularity(counts, np.zeros(MOVIES, np.float32)).focused()


def tastes() -> list[Taste]:
    rng = np.random.default_rng(8)
    histories = [
        np.unique((rng.random(n) ** 2 * MOVIES).astype(np.int64)) for n in (0, 1, 5, 60, 400)
    ]
    return [
        taste_of(
            Signals(one, np.zeros(len(one), int), np.full(len(one), 5.0, "f4"), one * 60.0),
            at=LATER,
        )
        for one in histories
    ]


@pytest.mark.parametrize("kind", sorted(TYPES))
@pytest.mark.parametrize("taste", tastes(), ids=len)
def test_none_of_the_best_is_missed(ensemble: Ensemble, kind: str, taste: Taste):
    whole_list_is_found(ensemble, kind, taste)


@pytest.mark.parametrize("taste", tastes(), ids=len)
def test_none_is_missed_where_the_popular_say_little(misled: Ensemble, taste: Taste):
    whole_list_is_found(misled, "collaborative", taste)
    whole_list_is_found(misled, "hybrid", taste)


def whole_list_is_found(ensemble: Ensemble, kind: str, taste: Taste) -> None:
    weights = ensemble.weights(kind, taste, without=frozenset())
    open_to = ~np.isin(ensemble.candidates, taste.seen)
    found = ensemble.shortlist(taste, weights, open_to, TOP)
    whole = ensemble.raw_totals(taste, found.per_unit)
    assert found.totals == pytest.approx(whole[found.places], rel=1e-4, abs=1e-4)
    assert open_to[found.places].all()
    last = np.sort(whole[open_to])[-TOP]
    missed = np.setdiff1d(np.flatnonzero(open_to & (whole > last + 1e-4)), found.places)
    assert missed.tolist() == []


def test_most_movies_are_spared(ensemble: Ensemble):
    taste = tastes()[2]
    weights = ensemble.weights("hybrid", taste, without=frozenset())
    assert {"als", "content"} <= set(weights)
    found = ensemble.shortlist(taste, weights, np.ones(MOVIES, bool), TOP)
    assert len(found.places) < MOVIES / 10


def test_where_too_few_of_the_popular_are_open_all_others_are_looked_at(ensemble: Ensemble):
    taste, allowed = tastes()[3], np.zeros(MOVIES, bool)
    allowed[ensemble.candidates[ensemble.measured :]] = True
    allowed[taste.seen] = False
    ranked = rank(ensemble, taste, Wish("collaborative", TOP, allowed=allowed))
    assert len(ranked) == TOP
    assert allowed[ranked.movies].all()


def test_movies_that_nobody_met_are_in_the_order_of_all_such(ensemble: Ensemble):
    taste = tastes()[3]
    open_to = ensemble.unmet.copy()
    open_to[taste.seen] = False
    ranked = rank(ensemble, taste, Wish("hybrid", TOP, allowed=open_to))
    places = np.flatnonzero(open_to[ensemble.candidates])
    suits = ensemble.by_factors(taste, places)
    ids = ensemble.movie_ids[ensemble.candidates[places]]
    best = places[best_first(suits, np.zeros(len(places), "f4"), ids, TOP)]
    assert set(ranked.movies.tolist()) == set(ensemble.candidates[best].tolist())
