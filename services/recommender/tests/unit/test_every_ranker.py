"""Each ranker alone keeps the promise of all, in the whole catalogue and in a part of it."""

from dataclasses import replace

import numpy as np
import pytest

from recommender.ranking.catalogue import catalogue_of
from recommender.ranking.ensemble import (
    BUCKETS,
    MOST_CANDIDATES,
    RANKERS,
    TYPES,
    Ensemble,
    Model,
)
from recommender.ranking.neighbours import train_neighbours
from recommender.ranking.ranked import Wish, rank
from recommender.ranking.signals import Kind, Signals, Taste, known_to, taste_of
from recommender.ranking.training import Interactions, Options, train
from recommender.ranking.training.material import material, matrix_of, most_met_first

MOVIES, PEOPLE, MINUTE = 40, 60, 60.0
CROWD = ("popularity", "trend", "unmet")
OF_TASTE = [name for name in RANKERS if name not in CROWD]


def deeds(movies: list[int], first: float = 1e9) -> Signals:
    """Five stars, one movie a minute."""
    count = len(movies)
    stars, at = np.full(count, 5.0, np.float32), first + MINUTE * np.arange(count)
    return Signals(np.array(movies, np.int64), np.zeros(count, np.int64), stars, at)


def checkerboard(movies: int = MOVIES, unmet: int = 0) -> Model:
    """People of even number turn to even movies, odd ones to odd movies; with every ranker, also
    those that only larger worlds have."""
    rng = np.random.default_rng(3)
    rated = [rng.permutation(np.arange(person % 2, MOVIES, 2))[:13] for person in range(PEOPLE)]
    mine = [deeds(one.tolist(), 1e9 - MINUTE * person) for person, one in enumerate(rated)]
    known = Interactions(
        np.repeat(np.arange(PEOPLE), 13),
        Signals(
            np.concatenate([one.movies for one in mine]),
            np.concatenate([one.kinds for one in mine]),
            np.concatenate([one.ratings for one in mine]),
            np.concatenate([one.at for one in mine]),
        ),
    )
    size = movies + unmet
    documents = [[f"g:{1 + movie % 2}", f"k:{movie % 2}"] for movie in range(size)]
    catalogue = catalogue_of(range(size), documents)
    model = train(known, catalogue, Options(learn_blend=False))
    _, matrix = matrix_of(most_met_first(material(known, catalogue)).placed, size)
    return replace(model, arrays=model.arrays | train_neighbours(matrix, threads=1))


def alone(model: Model, name: str) -> Ensemble:
    """A model whose lists are made by this ranker and nothing else."""
    table = np.zeros((len(BUCKETS), len(RANKERS)), np.float32)
    table[:, RANKERS.index(name)] = 1.0
    blend = {"blend.hybrid": table, "blend.hybrid.ahead": table}
    return Ensemble(replace(model, arrays=model.arrays | blend))


@pytest.fixture(scope="module")
def model() -> Model:
    return checkerboard()


def taste(ensemble: Ensemble, movies: list[int]) -> Taste:
    mine = deeds(movies)
    return taste_of(known_to(mine, ensemble.positions(mine.movies)), at=1e9 + 3600.0)


def ranked(ensemble: Ensemble, movies: list[int], count: int, **wish) -> list[int]:
    found = rank(ensemble, taste(ensemble, movies), Wish("hybrid", count, **wish))
    return ensemble.movie_ids[found.movies].tolist()


def test_the_model_has_every_ranker(model: Model):
    ensemble = Ensemble(model)
    assert [name for name in RANKERS if ensemble.ranker(name) is None] == []


@pytest.mark.parametrize("name", OF_TASTE)
@pytest.mark.parametrize("block", [0, 1])
def test_known_people_get_their_block(model: Model, name: str, block: int):
    found = ranked(alone(model, name), [block, block + 2, block + 4], 8)
    assert len(found) == 8
    assert all(movie % 2 == block for movie in found)


@pytest.mark.parametrize("name", CROWD)
def test_what_the_crowd_does_is_the_same_for_everybody(model: Model, name: str):
    ensemble = alone(model, name)
    one, other = ranked(ensemble, [0, 2], MOVIES), ranked(ensemble, [1, 3], MOVIES)
    assert [m for m in one if m not in {1, 3}] == [m for m in other if m not in {0, 2}]


@pytest.mark.parametrize("name", RANKERS)
def test_seen_movies_never_return_and_the_count_is_honoured(model: Model, name: str):
    ensemble = alone(model, name)
    found = ranked(ensemble, [1, 3, 5], MOVIES)
    assert sorted(found) == sorted(set(range(MOVIES)) - {1, 3, 5})
    assert [len(ranked(ensemble, [1], count)) for count in (0, 1, 7)] == [0, 1, 7]
    assert ranked(ensemble, list(range(MOVIES)), MOVIES) == []


@pytest.mark.parametrize("name", RANKERS)
def test_strangers_get_what_is_popular(model: Model, name: str):
    ensemble = alone(model, name)
    counts = ensemble.popularity[ensemble.positions(np.array(ranked(ensemble, [], 10)))]
    assert counts.min() >= np.sort(ensemble.popularity)[-20]


@pytest.mark.parametrize("name", RANKERS)
def test_the_same_seed_gives_the_same_list(model: Model, name: str):
    again = checkerboard()
    first, second = (ranked(alone(one, name), [1, 3], MOVIES) for one in (model, again))
    assert first == second


@pytest.mark.parametrize("name", RANKERS)
def test_among_some_movies_the_order_is_that_of_all(model: Model, name: str):
    ensemble, some = alone(model, name), [1, 2, 8, 9, 15, 20, 21, 33, 39]
    whole = [movie for movie in ranked(ensemble, [3, 5, 9], MOVIES) if movie in some]
    narrowed = ensemble.among(ensemble.positions(np.array(some)))
    assert ranked(narrowed, [3, 5, 9], len(whole)) == whole
    scores, _ = narrowed.scores([taste(ensemble, [3, 5, 9])], [name])
    assert scores.any() == (name != "unmet"), "it is at work there"


@pytest.fixture(scope="module")
def crowded() -> Model:
    """More movies than a list is ranked among, most of them met by nobody."""
    return checkerboard(unmet=MOST_CANDIDATES)


@pytest.mark.parametrize("name", OF_TASTE)
def test_among_the_most_popular_of_very_many_everybody_gets_their_block(crowded: Model, name: str):
    ensemble = alone(crowded, name).focused()
    assert len(ensemble.candidates) == MOST_CANDIDATES < len(ensemble)
    assert set(range(MOVIES)) <= set(ensemble.candidates.tolist())
    mine = taste(ensemble, [1, 3, 5])
    scores, _ = ensemble.scores([mine], [name])
    met = np.flatnonzero(ensemble.candidates < MOVIES)
    order = met[np.argsort(-scores[0, 0, met], kind="stable")]
    best = ensemble.movie_ids[ensemble.candidates[order[: MOVIES // 2]]]
    assert all(movie % 2 for movie in best.tolist())
    # Of movies that nobody met, none is in the way of a filter that wants the others.
    allowed = np.arange(len(ensemble)) >= len(ensemble) - 50
    assert len(ranked(ensemble, [1, 3, 5], 20, allowed=allowed)) == 20


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_who_hid_everything_is_offered_nothing(model: Model, kind: str):
    ensemble = Ensemble(model)
    mine = deeds(list(range(MOVIES)))
    hidden = replace(mine, kinds=np.full(MOVIES, int(Kind.HIDDEN)))
    assert len(rank(ensemble, taste_of(hidden, at=1e9), Wish(kind, 10))) == 0


def test_a_movie_that_people_meet_after_training_is_ranked_by_that():
    ensemble = Ensemble(checkerboard(unmet=10))
    new = np.arange(len(ensemble)) >= MOVIES
    before = ranked(ensemble, [0, 2, 4], 10, allowed=new)
    assert before[:5] == [40, 42, 44, 46, 48], "in the order of their factors"
    counts, recent = ensemble.popularity.copy(), np.zeros(len(ensemble), np.float32)
    counts[45] = recent[45] = 50.0
    later = ensemble.with_popularity(counts, recent)
    assert later.unmet.nonzero()[0].tolist() == [40, 41, 42, 43, 44, 46, 47, 48, 49]
    after = ranked(later, [0, 2, 4], 10, allowed=new)
    assert after[0] == 45
    assert after[1:] == [movie for movie in before if movie != 45]
