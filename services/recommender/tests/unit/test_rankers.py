"""All rankers keep one promise on a checkerboard of taste; edges, fold-in, variety, reasons."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from recommender.domain import advanced, is_no_worse, months_ahead
from recommender.ranking.arrays import settle
from recommender.ranking.arrivals import extended
from recommender.ranking.catalogue import catalogue_of
from recommender.ranking.ease import DAMPED_LENGTH, Ease, train_ease
from recommender.ranking.ensemble import RANKERS, TYPES, Ensemble, Model
from recommender.ranking.evaluation import global_time, leave_last_out, ndcg, strong_generalisation
from recommender.ranking.ranked import Ranked, Wish, explain, rank
from recommender.ranking.signals import Kind, Signals, Taste, known_to, taste_of
from recommender.ranking.training import Interactions, Options, material, train
from recommender.ranking.training.material import most_met_first
from recommender.store.artefacts import ArtefactDamaged, Artefacts

MOVIES = 40
PEOPLE = 60
PERSONAL = sorted(set(TYPES) - {"popular", "trending"})


def signals(movies: list[int], ratings: list[float] | None = None) -> Signals:
    count = len(movies)
    return Signals(
        np.array(movies, np.int64),
        np.zeros(count, np.int64),
        np.array(ratings or [5.0] * count, np.float32),
        np.full(count, 1e9),
    )


def checkerboard(people: int = PEOPLE, movies: int = MOVIES) -> Model:
    """People of even number rate even movies, odd ones odd movies; the genres say the same."""
    rng = np.random.default_rng(3)
    users, rated = [], []
    for person in range(people):
        block = np.arange(person % 2, movies, 2)
        chosen = rng.permutation(block)[: len(block) * 2 // 3]
        rated += chosen.tolist()
        users += [person] * len(chosen)
    catalogue = catalogue_of(
        range(movies), [[f"g:{1 + movie % 2}", f"k:{movie % 2}"] for movie in range(movies)]
    )
    interactions = Interactions(np.array(users, np.int64), signals(rated))
    return train(interactions, catalogue, Options())


@pytest.fixture(scope="module")
def ensemble() -> Ensemble:
    return Ensemble(checkerboard())


def taste(ensemble: Ensemble, movies: list[int], ratings: list[float] | None = None) -> Taste:
    mine = signals(movies, ratings)
    return taste_of(known_to(mine, ensemble.positions(mine.movies)), at=1e9)


@pytest.mark.parametrize("kind", PERSONAL)
@pytest.mark.parametrize("block", [0, 1])
def test_known_people_get_their_block(ensemble: Ensemble, kind: str, block: int):
    ranked = rank(ensemble, taste(ensemble, [block, block + 2, block + 4]), Wish(kind, 10))
    assert all(movie % 2 == block for movie in ensemble.movie_ids[ranked.movies])


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_seen_movies_never_return(ensemble: Ensemble, kind: str):
    ranked = rank(ensemble, taste(ensemble, [1, 3, 5]), Wish(kind, MOVIES))
    assert len(ranked) == MOVIES - 3
    assert not {1, 3, 5} & set(ensemble.movie_ids[ranked.movies].tolist())


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_strangers_get_popularity(ensemble: Ensemble, kind: str):
    ranked = rank(ensemble, taste(ensemble, []), Wish(kind, 10))
    counts = ensemble.popularity[ranked.movies]
    assert counts.min() >= np.sort(ensemble.popularity)[-20]


@pytest.mark.parametrize("kind", sorted(TYPES))
@pytest.mark.parametrize("count", [0, 1, 7])
def test_the_count_is_honoured(ensemble: Ensemble, kind: str, count: int):
    assert len(rank(ensemble, taste(ensemble, [1]), Wish(kind, count))) == count


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_the_same_seed_gives_the_same_list(ensemble: Ensemble, kind: str):
    again = Ensemble(checkerboard())
    mine = taste(ensemble, [1, 3])
    first, second = (rank(one, mine, Wish(kind, 20)) for one in (ensemble, again))
    assert first.movies.tolist() == second.movies.tolist()


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_what_is_not_allowed_is_left_out_before_ranking(ensemble: Ensemble, kind: str):
    allowed = (ensemble.movie_ids >= 10) & (ensemble.movie_ids < 20)
    ranked = rank(ensemble, taste(ensemble, [11]), Wish(kind, 10, allowed=allowed))
    assert sorted(ensemble.movie_ids[ranked.movies].tolist()) == [10, *range(12, 20)]


@pytest.mark.parametrize("kind", sorted(TYPES))
@pytest.mark.parametrize(("people", "movies"), [(0, 0), (1, 1), (1, 6), (6, 1), (2, 2), (0, 5)])
def test_tiny_worlds_give_sensible_lists(kind: str, people: int, movies: int):
    small = Ensemble(checkerboard(people, movies))
    assert len(rank(small, taste(small, []), Wish(kind, 10, diversity=0.5))) == movies
    everything = taste(small, list(range(movies)))
    assert len(rank(small, everything, Wish(kind, 10))) == 0


def test_a_low_rating_pushes_its_block_away(ensemble: Ensemble):
    liked = rank(ensemble, taste(ensemble, [1, 3, 2]), Wish("hybrid", 10))
    ratings = [0.5, 0.5, 5.0]
    pushed = rank(ensemble, taste(ensemble, [1, 3, 2], ratings), Wish("hybrid", 10))
    odd = [np.sum(ensemble.movie_ids[one.movies] % 2) for one in (liked, pushed)]
    assert odd[1] < odd[0]


def test_a_hidden_movie_is_no_taste_and_never_returns():
    kinds = np.array([Kind.RATING, Kind.HIDDEN, Kind.HIDDEN], np.int64)
    mine = Signals(
        np.array([4, 4, 9], np.int64), kinds, np.array([5, np.nan, np.nan], "f4"), np.zeros(3)
    )
    found = taste_of(mine, at=0.0)
    assert len(found) == 0
    assert found.seen.tolist() == [4, 9]


def test_no_diversity_leaves_the_order_alone_and_more_spreads_genres(ensemble: Ensemble):
    mine = taste(ensemble, [1, 3])
    plain, same, wide = (
        rank(ensemble, mine, Wish("hybrid", 10, diversity=wish)) for wish in (0.0, 0.0, 1.0)
    )
    assert plain.movies.tolist() == same.movies.tolist()
    genres = [len(set((ensemble.movie_ids[one.movies] % 2).tolist())) for one in (plain, wide)]
    assert genres == [1, 2]


@pytest.mark.parametrize("of_block", [[1, 3], [2, 4, 6], [9]])
def test_taking_the_named_causes_away_lowers_every_movie_of_a_page(
    ensemble: Ensemble, of_block: list[int]
):
    had = [*of_block, 7 + of_block[0] % 2]
    mine = taste(ensemble, had)
    ranked = rank(ensemble, mine, Wish("hybrid", 10))
    found = explain(ensemble, mine, ranked, np.ones(len(mine), np.int64))
    assert {reason.kind for reason in found} == {"movies"}
    for movie, reason in zip(ranked.movies, found, strict=True):
        rest = taste(ensemble, [one for one in had if one not in reason.movie_ids])
        assert _total(ensemble, rest, movie, ranked) < _total(ensemble, mine, movie, ranked)


def _total(ensemble: Ensemble, mine: Taste, movie: int, ranked: Ranked) -> float:
    return float(ensemble.raw_totals(mine, ranked.weights)[movie])


def test_movies_that_may_not_be_named_are_not_and_one_group_is_named_at_a_time(ensemble: Ensemble):
    mine = taste(ensemble, [1, 3, 5])
    ranked = rank(ensemble, mine, Wish("hybrid", 5))

    def named(*groups: int) -> set[int]:
        found = explain(ensemble, mine, ranked, np.array(groups))
        return {movie for reason in found for movie in reason.movie_ids}

    assert named(1, 1, 1) == {1, 3, 5}
    assert named(0, 1, 1) == {3, 5}
    assert named(0, 0, 0) == set()
    for reason in explain(ensemble, mine, ranked, np.array([1, 2, 2])):
        assert set(reason.movie_ids) in ({1}, {3, 5}, {3}, {5})


def test_a_movie_that_came_after_training_is_ranked_by_its_content(ensemble: Ensemble):
    model = extended(checkerboard(), np.array([500, 501]), [["g:1", "k:0"], ["g:2", "k:1"]])
    bigger = Ensemble(model)
    ranked = rank(bigger, taste(bigger, [1, 3, 5]), Wish("content_based", MOVIES))
    order = bigger.movie_ids[ranked.movies].tolist()
    assert order.index(501) < order.index(500)


@pytest.mark.parametrize("people", [10, 50])
@pytest.mark.parametrize(("known", "power"), [(DAMPED_LENGTH - 1, 0.0), (DAMPED_LENGTH, -0.5)])
def test_what_many_had_counts_less_to_who_is_well_known(people: int, known: int, power: float):
    met = np.random.default_rng(1).random((people, 20)) < 0.4
    met[0] = True
    matrix = sp.csr_matrix(met.astype(np.float32))
    plain, damped = (
        train_ease(matrix, regularization=5.0, damping_power=each) for each in (0.0, 0.5)
    )
    assert ("ease.factors" in damped) == (people < 20)
    mine = taste_of(signals(list(range(known))), at=1e9)
    expected = Ease(plain, 20).scores([mine]) * np.power(met.sum(axis=0), power)
    ease, some = Ease(damped, 20), np.array([2, 7, 19])
    assert ease.scores([mine]) == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert ease.among(some).scores([mine]) == pytest.approx(expected[:, some], rel=1e-4, abs=1e-6)
    parts = ease.contributions(mine, np.arange(known, 20))
    assert parts.sum(axis=0) == pytest.approx(expected[0, known:], abs=1e-5)
    del damped["ease.damping"]
    assert Ease(damped, 20).scores([mine]) == pytest.approx(Ease(plain, 20).scores([mine]))


@pytest.mark.parametrize("name", RANKERS)
def test_a_ranker_scores_some_movies_as_it_scores_all(ensemble: Ensemble, name: str):
    ranker, places = ensemble.ranker(name), np.array([1, 2, 8, 9, 20, 39])
    if ranker is None:
        pytest.skip("the model of so few movies does without it")
    tastes = [taste(ensemble, [1, 3, 8]), taste(ensemble, [])]
    among = ranker.among(places).scores(tastes)
    assert among == pytest.approx(ranker.scores(tastes)[:, places], abs=1e-5)


def test_a_filter_that_leaves_too_few_candidates_is_filled_from_all_others(ensemble: Ensemble):
    ids = ensemble.movie_ids
    few, mine = ensemble.among(np.flatnonzero(ids < 10)), taste(ensemble, [1, 3])
    plain = rank(few, mine, Wish("hybrid", 5))
    assert ids[plain.movies].max() < 10
    filtered = rank(few, mine, Wish("hybrid", 12, allowed=ids >= 8))
    assert len(filtered) == 12
    assert ids[filtered.movies].min() >= 8
    assert ids[filtered.movies[0]] % 2 == 1


def chain(people: int = 60, movies: int = 30, length: int = 9) -> Ensemble:
    """Everybody goes from one movie to the next, each beginning somewhere else."""
    begins = [person % (movies - length) for person in range(people)]
    rated = np.concatenate([np.arange(begin, begin + length) for begin in begins])
    ordered = Signals(
        rated,
        np.zeros(len(rated), np.int64),
        np.full(len(rated), 5.0, np.float32),
        np.tile(np.arange(length) * 60.0, people),
    )
    interactions = Interactions(np.repeat(np.arange(people), length), ordered)
    return Ensemble(train(interactions, catalogue_of(range(movies), [[]] * movies), Options()))


def on_the_way(world: Ensemble, movies: list[int]) -> Taste:
    count = len(movies)
    at, places = np.arange(count) * 60.0, world.positions(np.array(movies))
    mine = Signals(places, np.zeros(count, int), np.full(count, 5.0, "f4"), at)
    return taste_of(mine, at=float(at.max()))


def test_what_people_turn_to_next_follows_the_end_of_a_history():
    ensemble = chain()
    ranker = ensemble.ranker("next")
    assert ranker is not None
    ways = [on_the_way(ensemble, way) for way in ([3, 12], [12, 3])]
    forth, back = ensemble.movie_ids[np.argmax(ranker.scores(ways), axis=1)]
    assert (forth, back) == (13, 4)


def test_what_is_near_does_not_depend_on_the_order_of_a_history():
    ensemble = chain()
    ranker = ensemble.ranker("near")
    assert ranker is not None
    ways = [on_the_way(ensemble, way) for way in ([3, 12, 7], [12, 7, 3])]
    one, other = ranker.scores(ways)
    assert one == pytest.approx(other, abs=1e-6)


def test_times_that_tell_no_order_teach_no_sequence(ensemble: Ensemble):
    scores, _ = ensemble.scores([taste(ensemble, [1, 3])], ["near", "next"])
    assert not scores.any()


@pytest.mark.parametrize("name", ["ease", "content", "near", "next"])
def test_contributions_add_up_to_the_score(ensemble: Ensemble, name: str):
    world = chain() if name in {"near", "next"} else ensemble
    mine = on_the_way(world, [4, 9, 6])
    ranker = world.ranker(name)
    assert ranker is not None
    others = np.setdiff1d(np.arange(len(world)), mine.movies)
    parts = ranker.contributions(mine, others)
    assert parts is not None
    assert parts.sum(axis=0) == pytest.approx(ranker.scores([mine])[0, others], abs=1e-4)


def without(mine: Taste, place: int) -> Taste:
    kept = np.delete(np.arange(len(mine)), place)
    return replace(
        mine, movies=mine.movies[kept], weights=mine.weights[kept], later=mine.later[kept]
    )


@pytest.mark.parametrize("name", ["als", "genres"])
def test_a_contribution_is_what_the_score_falls_by_without_its_movie(ensemble: Ensemble, name: str):
    mine = taste(ensemble, [1, 3, 2], [5.0, 3.5, 1.0])
    ranker = ensemble.ranker(name)
    assert ranker is not None
    others = np.setdiff1d(np.arange(MOVIES), mine.movies)
    parts = ranker.contributions(mine, others)
    assert parts is not None
    whole = ranker.scores([mine])[0, others]
    for place in range(len(mine)):
        rest = ranker.scores([without(mine, place)])[0, others]
        assert parts[place] == pytest.approx(whole - rest, abs=1e-4)


@pytest.mark.parametrize("name", ["genres", "content", "ease", "als"])
@pytest.mark.parametrize("block", [0, 1])
def test_every_single_ranker_of_taste_finds_the_block(ensemble: Ensemble, name: str, block: int):
    mine = taste(ensemble, [block, block + 2, block + 4])
    ranker = ensemble.ranker(name)
    assert ranker is not None
    scores = ranker.scores([mine])[0]
    blocks = np.arange(6 + block, MOVIES, 2), np.arange(1 - block, MOVIES, 2)
    own, other = (scores[ensemble.positions(one)] for one in blocks)
    assert own.min() > other.max()


def test_movies_that_nobody_met_come_in_the_order_of_their_factors():
    documents = [[f"g:{1 + movie % 2}", f"k:{movie % 2}"] for movie in range(MOVIES + 10)]
    rng = np.random.default_rng(3)
    rated = [rng.permutation(np.arange(person % 2, MOVIES, 2))[:13] for person in range(PEOPLE)]
    users = np.repeat(np.arange(PEOPLE), 13)
    known = Interactions(users, signals(np.concatenate(rated).tolist()))
    world = Ensemble(train(known, catalogue_of(range(MOVIES + 10), documents), Options()))
    assert world.unmet.nonzero()[0].tolist() == list(range(MOVIES, MOVIES + 10))
    ranked = rank(world, taste(world, [1, 3, 5]), Wish("hybrid", 5, allowed=world.unmet))
    assert ranked.movies.tolist() == [41, 43, 45, 47, 49]


def test_a_list_never_becomes_less_varied_as_diversity_rises(ensemble: Ensemble):
    mine = taste(ensemble, [1, 3, 2])
    distances = []
    for diversity in (0.0, 0.25, 0.5, 0.75, 1.0):
        ranked = rank(ensemble, mine, Wish("hybrid", 10, diversity=diversity))
        likeness = ensemble.likeness(ranked.movies)
        distances.append(1.0 - likeness[np.triu_indices(10, 1)].mean())
    assert distances == pytest.approx(sorted(distances), abs=0.02)
    assert distances[-1] > distances[0]


def test_scores_of_many_are_those_of_each_alone(ensemble: Ensemble):
    tastes = [taste(ensemble, movies) for movies in ([], [1], [2, 4, 6], [1, 2, 3, 4])]
    for name in RANKERS:
        ranker = ensemble.ranker(name)
        if ranker is not None:
            alone = np.concatenate([ranker.scores([one]) for one in tastes])
            assert ranker.scores(tastes) == pytest.approx(alone, abs=1e-4)


def test_a_model_of_another_release_is_refused(tmp_path: Path):
    artefacts = Artefacts(f"file://{tmp_path}", tmp_path / "cache")
    model = checkerboard(10, 6)
    manifest = artefacts.write("1", model)
    assert len(Ensemble(artefacts.read("1", manifest, model.meta))) == 6
    with pytest.raises(ArtefactDamaged, match="another release"):
        artefacts.read("1", manifest, model.meta | {"format": 1})


def test_movies_met_most_lie_first_in_a_model_but_not_where_held_out_people_teach():
    met = np.array([4, 4, 4, 2, 2, 3])
    known = Interactions(np.array([1, 2, 3, 1, 2, 1]), signals(met.tolist()))
    catalogue = catalogue_of(range(5), [[f"g:{movie}"] for movie in range(5)])
    given = material(known, catalogue)
    assert given.catalogue.movie_ids.tolist() == [0, 1, 2, 3, 4]
    ordered = most_met_first(given)
    assert ordered.catalogue.movie_ids.tolist() == [4, 2, 3, 0, 1]
    again = ordered.catalogue.movie_ids[ordered.placed.signals.movies]
    assert again.tolist() == given.placed.signals.movies.tolist()
    assert ordered.placed.users.tolist() == given.placed.users.tolist()
    content = ordered.catalogue.content.toarray()
    assert (content == given.catalogue.content.toarray()[[4, 2, 3, 0, 1]]).all()
    model = train(known, catalogue, Options())
    assert model.arrays["movies.ids"].tolist() == [4, 2, 3, 0, 1]


def test_mapped_arrays_that_were_let_go_say_the_same(tmp_path: Path):
    artefacts = Artefacts(f"file://{tmp_path}", tmp_path / "cache")
    model = checkerboard()
    mapped = artefacts.read("1", artefacts.write("1", model), model.meta)
    settle(mapped.arrays, ("ease.", "sequence."))
    assert mapped.arrays.keys() == model.arrays.keys()
    assert all((mapped.arrays[name] == array).all() for name, array in model.arrays.items())


def test_splits_keep_apart_what_they_promise():
    users = np.repeat(np.arange(10), 10)
    at = np.arange(100, dtype=float)
    for split in strong_generalisation(users, np.random.default_rng(0)):
        assert not set(users[split.train]) & set(users[split.history | split.test])
        assert not (split.history & split.test).any()
    assert leave_last_out(users, at).test.sum() == 10
    assert global_time(np.zeros(100, int), at).test.tolist() == [False] * 80 + [True] * 20


def test_ndcg_is_one_for_the_best_order_and_less_for_others():
    assert ndcg([1, 2, 3], {1, 2}) == pytest.approx(1.0)
    assert 0 < ndcg([3, 1, 2], {1, 2}) < 1
    assert ndcg([1], set()) == 0


def test_sequences_advance_over_filled_gaps_only():
    assert advanced(1, (), [3, 4]) == (1, (3, 4))
    assert advanced(1, (3, 4), [2]) == (4, ())
    assert advanced(5, (), [2, 5]) == (5, ())


def test_a_clearly_worse_candidate_is_turned_down():
    assert is_no_worse([0.5] * 40, [0.5] * 40)
    assert is_no_worse([], [])
    assert is_no_worse([0.1] * 3, [0.5] * 3)
    assert not is_no_worse([0.1] * 40, [0.5] * 40)
    # Of a dozen people, one who happens to like the other list decides nothing.
    few = [0.5] * 12
    assert is_no_worse([*few[1:], 0.0], few)
    assert is_no_worse([0.1, 0.2] * 100, [0.1, 0.19] * 100)
    assert not is_no_worse([0.1, 0.1] * 100, [0.1, 0.19] * 100)


def test_months_are_made_over_the_end_of_a_year():
    months = months_ahead(datetime(2026, 12, 15, tzinfo=UTC), 1)
    assert [str(day) for pair in months for day in pair] == [
        "2026-12-01", "2027-01-01", "2027-01-01", "2027-02-01",
    ]  # fmt: skip
