"""Evaluating on files: any ids, any gaps in what is told, and nothing at all."""

import csv
from pathlib import Path

import numpy as np
import pytest

from recommender.commands.charts import Line, line_chart
from recommender.commands.compare import compare
from recommender.commands.evaluate import evaluate
from recommender.commands.findings import gain
from recommender.commands.lists import Moments
from recommender.ranking.signals import Signals
from recommender.ranking.training import Interactions

HUGE = 9_223_372_036_854_775_807
DAY = 86_400.0


def write(path: Path, head: str, rows: list[tuple]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head.split(","))
        writer.writerows(rows)
    return path


def run(folder: Path, train: list[tuple], history: list[tuple], items: list, **more) -> list[dict]:
    """The lists that evaluate writes for these rows."""
    history_file = write(folder / "hist.csv", "user,item,rating,ts", history)
    arguments = {
        "train": write(folder / "train.csv", "user,item,rating,ts", train),
        "history": history_file,
        "items": write(folder / "items.csv", "item", [(item,) for item in items]),
        "out": folder / "out.csv",
        **more,
    }
    assert (
        evaluate([text for name, value in arguments.items() for text in (f"--{name}", str(value))])
        == 0
    )
    with (folder / "out.csv").open() as file:
        return list(csv.DictReader(file))


def checkerboard(people: int = 60, movies: int = 30) -> list[tuple]:
    rng = np.random.default_rng(2)
    return [
        (HUGE - person, HUGE - int(movie), 5, 1e9 + place)
        for person in range(people)
        for place, movie in enumerate(rng.permutation(np.arange(person % 2, movies, 2))[:9])
    ]


def test_people_never_seen_get_what_suits_their_history(tmp_path: Path):
    history = [(-7, HUGE - movie, 5, 1e9) for movie in (0, 2, 4)]
    lists = run(tmp_path, checkerboard(), history, [HUGE - movie for movie in range(30)], top=8)
    assert [row["rank"] for row in lists] == [str(place) for place in range(1, 9)]
    assert {row["user"] for row in lists} == {"-7"}
    assert all((HUGE - int(row["item"])) % 2 == 0 for row in lists)
    assert not {HUGE, HUGE - 2, HUGE - 4} & {int(row["item"]) for row in lists}


@pytest.mark.parametrize("rating", ["", "1", "3.5"])
@pytest.mark.parametrize("moment", ["", "5"])
def test_ratings_and_times_may_say_nothing(tmp_path: Path, rating: str, moment: str):
    train = [(user, item, rating, moment) for user, item, _, _ in checkerboard()]
    history = [("new", HUGE - movie, rating, moment) for movie in (1, 3, 5)]
    lists = run(tmp_path, train, history, [HUGE - movie for movie in range(30)], top=5)
    assert all((HUGE - int(row["item"])) % 2 == 1 for row in lists)


@pytest.mark.parametrize(
    ("train", "history", "items", "expected"),
    [
        ([], [], [1, 2], []),
        ([], [("a", 1, 5, 1)], [1, 2], ["2"]),
        ([("a", 1, 5, 1)], [("a", 1, 5, 1)], [1], []),
        ([("a", 1, 5, 1)], [("b", 9, 5, 1)], [1], ["1"]),
        ([("a", 1, 5, 1), ("a", 1, 5, 1)], [("a", 2, 1, 1)], [1, 1, 3], ["1", "3"]),
        ([("a", 1, 5, 1), ("b", 2, 1, 9)], [("c", 2, "nan", "inf")], [1, 2], ["1"]),
        ([("a", 1, 5, 1)], [("a", 1, 5, 1)], [], []),
    ],
)
def test_tiny_and_odd_files_are_ranked(tmp_path: Path, train, history, items, expected):
    assert [row["item"] for row in run(tmp_path, train, history, items)] == expected


def test_people_without_a_history_are_added_and_new_movies_ranked_by_content(tmp_path: Path):
    movies = [
        (HUGE - movie, f"M {movie}", f"genre{movie % 2}|kind{movie % 2}") for movie in range(32)
    ]
    more = {
        "movies": write(tmp_path / "movies.csv", "item,title,genres", movies),
        "users": write(tmp_path / "users.csv", "user", [("stranger",), ("-7",)]),
        "test": write(tmp_path / "test.csv", "user,item,rating", [(-7, HUGE - 30, 5)]),
    }
    history = [(-7, HUGE - movie, 5, 1e9) for movie in (0, 2, 4)]
    lists = run(tmp_path, checkerboard(), history, [HUGE - 30, HUGE - 31], **more)
    assert [row["item"] for row in lists if row["user"] == "-7"] == [str(HUGE - 30), str(HUGE - 31)]
    assert len([row for row in lists if row["user"] == "stranger"]) == 2


def test_a_file_without_its_columns_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    broken = write(tmp_path / "broken.csv", "person,thing", [(1, 2)])
    arguments = ["--train", broken, "--history", broken, "--items", broken, "--out", tmp_path / "o"]
    assert evaluate([str(argument) for argument in arguments]) == 2
    assert "lacks the column item" in capsys.readouterr().err


def deeds_at(*days: float) -> Interactions:
    """One deed a person, on these days."""
    at = np.array(days) * DAY
    ones = np.ones(len(at), np.float32)
    return Interactions(
        np.arange(len(at)), Signals(np.arange(len(at)), np.zeros(len(at), int), ones, at)
    )


def test_lists_are_for_now_when_asked_for_those_who_were_there_lately():
    trained = deeds_at(0, 10, 20, 90, 95, 100)
    lately = trained.of(np.array([3, 4]))
    assert Moments(trained, lately).of(3, lately.of(np.array([0])).signals) == 100 * DAY
    assert Moments(trained, trained).of(3, lately.of(np.array([0])).signals) == 90 * DAY


def test_a_list_for_somebody_unknown_is_for_their_own_last_deed():
    trained = deeds_at(0, 10, 20, 90, 95, 100)
    stranger = Interactions(np.array([77]), trained.of(np.array([3])).signals)
    assert Moments(trained, stranger).of(77, stranger.signals) == 90 * DAY
    assert Moments(trained, stranger).of(78, stranger.of(np.empty(0, int)).signals) == 100 * DAY
    nothing = trained.of(np.empty(0, int))
    assert np.isnan(Moments(nothing, nothing).of(1, nothing.signals))


def test_a_comparison_measures_us_beside_the_baselines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    rows = [
        (HUGE - user, HUGE - item, rating, at) for user, item, rating, at in checkerboard(30, 24)
    ]
    write(tmp_path / "ratings.csv", "userId,movieId,rating,timestamp", rows)
    out = tmp_path / "out"
    assert compare(["--movielens", str(tmp_path), "--out", str(out), "--folds", "2"]) == 0
    table = capsys.readouterr().out
    assert table == (out / "quality.md").read_text()
    for name in ("ours", "EASE", "ALS", "item-kNN", "popularity", "(sg)", "(loo)", "(gt)"):
        assert name in table
    assert (out / "quality-by-history.svg").read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("7,8,good,1", "line 3: rating 'good' is not a number"),
        ("7,,4.0,1", "line 3: movieId is empty"),
        ("7", "line 3: movieId is empty"),
    ],
)
def test_a_line_that_says_nothing_is_told_by_its_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, told: str
):
    (tmp_path / "ratings.csv").write_text(f"userId,movieId,rating,timestamp\n1,2,4.0,1\n{line}\n")
    assert compare(["--movielens", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert f"ratings.csv, {told}" in capsys.readouterr().err


def test_a_gain_is_told_with_what_chance_leaves_open():
    assert gain([0.5, 0.5], [0.25, 0.25]) == "2.000 (2.000 to 2.000)"
    assert gain([0.5], [0.0]) == "-"


def test_a_chart_of_one_point_is_a_chart():
    assert "<path" in line_chart("t", "x", [Line("a & b", [(1, 0.5)])], logarithmic=True)
