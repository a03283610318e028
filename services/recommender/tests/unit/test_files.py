"""Files as other tools write them: read for what they mean, or refused by line."""

import csv
from pathlib import Path

import numpy as np
import pytest

from recommender.commands.evaluate import evaluate
from recommender.commands.files import Deeds, Numbers, deeds, scale_of

DAY = 86_400
PEOPLE, MOVIES = 60, 24


def board(rating: str = "{}", moment: str = "{}", user: str = "{}", item: str = "{}") -> str:
    """A checkerboard of taste: people of even number like even movies, and others less."""
    rng = np.random.default_rng(4)
    rows = ["user,item,rating,ts"]
    for person in range(1, PEOPLE + 1):
        for place, movie in enumerate(rng.permutation(MOVIES)[:14].tolist()):
            stars = 4.5 if movie % 2 == person % 2 else 1.5
            at = 1_500_000_000 + DAY * (person + place)
            told = user.format(person), item.format(movie), rating.format(stars), moment.format(at)
            rows.append(",".join(told))
    return "\n".join(rows) + "\n"


def evaluated(folder: Path, train: str | bytes, **more: str | bytes) -> list[dict[str, str]]:
    """The lists for somebody who liked three even movies; ids, ranks."""
    texts: dict[str, str | bytes] = {
        "train": train,
        "history": "user,item,rating,ts\n1000,2,4.5,1600000000\n1000,4,4.5,1600000001\n"
        "1000,6,5,1600000002\n",
        "items": "item\n" + "\n".join(map(str, range(MOVIES))) + "\n",
        **more,
    }
    arguments = ["--out", str(folder / "out.csv"), "--top", "6"]
    for name, text in texts.items():
        file = folder / f"{name}.csv"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        arguments += [f"--{name}", str(file)]
    assert evaluate(arguments) == 0
    with (folder / "out.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def quoted(text: str) -> str:
    head, *rows = text.splitlines()
    return "\n".join([head, *(",".join(f'"{cell}"' for cell in row.split(",")) for row in rows)])


def shuffled(text: str) -> str:
    """Other columns, in another order."""
    rows = [line.split(",") for line in text.splitlines()]
    return "\n".join(f'{r[3]},"a, b",{r[1]},{r[2]},,{r[0]}' for r in rows).replace(
        '"a, b"', "note", 1
    )


def without_moments(text: str) -> str:
    return "\n".join(line.rpartition(",")[0] for line in text.splitlines())


SPELLINGS = {
    "plain": board(),
    "bom and crlf": b"\xef\xbb\xbf" + board().replace("\n", "\r\n").encode(),
    "old mac": board().replace("\n", "\r"),
    "no last newline, blank lines": board().replace("\n", "\n\n").rstrip(),
    "float ids": board(user="{}.0", item="{}.00"),
    "quoted": quoted(board()),
    "columns shuffled": shuffled(board()),
    "no moments": without_moments(board()),
    "milliseconds": board(moment="{}000"),
    "microseconds": board(moment="{}000000"),
    "moments as floats": board(moment="{}.0"),
    "names in capitals, spaces": board().replace("user,item,rating,ts", " User, ITEM,Rating , TS"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_means_the_same(tmp_path: Path, spelling: str):
    rows = evaluated(tmp_path, SPELLINGS[spelling])
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert {row["user"] for row in rows} == {"1000"}
    assert all(int(row["item"]) % 2 == 0 for row in rows)
    assert not {"2", "4", "6"} & {row["item"] for row in rows}


@pytest.mark.parametrize("times", [0.2, 2, 20])
def test_every_scale_means_the_same(tmp_path: Path, times: float):
    head, *rows = board().splitlines()
    cells = [row.split(",") for row in rows]
    train = "\n".join(
        [head, *(f"{u},{i},{float(rating) * times},{at}" for u, i, rating, at in cells)]
    )
    history = f"user,item,rating\n1000,2,{4.5 * times}\n1000,4,{4.5 * times}\n1000,5,{times}\n"
    found = evaluated(tmp_path, train, history=history)
    assert all(int(row["item"]) % 2 == 0 for row in found)


def log_of(*ratings: float) -> Deeds:
    nothing = np.zeros(len(ratings), np.int64)
    return Deeds(nothing, nothing, np.array(ratings, float), nothing.astype(float))


@pytest.mark.parametrize(
    ("ratings", "scale"),
    [
        ((0.5, 5.0), 1.0),
        ((1.0, 10.0), 0.5),
        ((1.0, 9.0), 0.5),
        ((0.0, 1.0), 5.0),
        ((10.0, 95.0), 0.05),
        ((1.0, 250.0), 0.02),
    ],
)
def test_a_scale_is_told_by_its_usual_end(ratings: tuple[float, ...], scale: float):
    assert scale_of(log_of(*ratings), log_of()) == pytest.approx(scale)


def test_a_scale_of_which_all_is_the_same_says_nothing():
    assert np.isnan(scale_of(log_of(3.0, 3.0), log_of()))
    assert np.isnan(scale_of(log_of(), log_of()))


def read(folder: Path, text: str) -> tuple[Deeds, Numbers]:
    (folder / "log.csv").write_text(text)
    movies = Numbers()
    return deeds(folder / "log.csv", Numbers(), movies), movies


def test_of_what_was_rated_twice_the_latest_counts(tmp_path: Path):
    seven, eight = "1,7,5,200\n1,7.0,1,100\n", "1,8,2,5\n2,8,4,9\n1,8,3,5\n"
    no_moments, one_moment = "1,9,4,\n1,9,2,\n", "1,5,4,3\n1,5,1,\n"
    found, movies = read(tmp_path, f"user,item,rating,ts\n{seven}{eight}{no_moments}{one_moment}")
    assert movies.ids == ["7", "8", "9", "5"]
    assert found.movies.tolist() == [0, 1, 1, 2, 3]
    assert found.ratings.tolist() == [5, 3, 4, 2, 4]


@pytest.mark.parametrize(
    "moment",
    ["1600000000", "1600000000000", "1.6e15", "1600000000000000000", "2020-09-13T12:26:40Z",
     "2020-09-13 12:26:40"],
)  # fmt: skip
def test_moments_are_seconds_however_they_are_told(tmp_path: Path, moment: str):
    found, _ = read(tmp_path, f"user,item,rating,ts\n1,7,5,{moment}\n")
    assert found.at.tolist() == [1_600_000_000.0]


def test_ids_may_be_larger_than_any_number(tmp_path: Path):
    huge = 10**30
    rows = evaluated(
        tmp_path,
        board(item=f"{huge}{{}}"),
        history=f"user,item,rating\n{huge}1,{huge}2,5\n{huge}1,{huge}4,5\n",
        items="item\n" + "\n".join(f"{huge}{movie}" for movie in range(MOVIES)),
    )
    assert {row["user"] for row in rows} == {f"{huge}1"}
    assert all(int(row["item"]) % 2 == 0 for row in rows)


def test_movies_without_content_stand_beside_others(tmp_path: Path):
    movies = 'item,title,genres\n2.0,"Two, a movie (1999)",even|x\n8,Eight,even\n9,,\n777,?,odd\n'
    rows = evaluated(tmp_path, board(), movies=movies)
    assert len(rows) == 6


def test_somebody_who_did_one_thing_gets_a_list(tmp_path: Path):
    rows = evaluated(tmp_path, board(), history="user,item,rating,ts\n5.0,2,5,1\n")
    assert {row["user"] for row in rows} == {"5"}
    assert len(rows) == 6


@pytest.mark.parametrize(
    ("train", "told"),
    [
        ("", "train.csv is empty"),
        ("person,item\n1,2\n", "line 1: lacks the column user"),
        ("user,item,rating,ts\n1,2,5,1\n1,3,good,1\n", "line 3: rating 'good' is not a number"),
        ("user,item,rating,ts\n1,2,5,then\n", "line 2: ts 'then' is not a number"),
        ("user,item,rating,ts\n1,2,5,1\n\n1,,5,1\n", "line 4: item is empty"),
        ("user,item,rating,ts\n,2,5,1\n", "line 2: user is empty"),
        ("user,item,rating,ts\n1\n", "line 2: item is empty"),
        (b"user,item,rating,ts\n1,2,5,1\n\xff,2,5,1\n", "train.csv, after line"),
    ],
)
def test_what_cannot_be_read_is_refused_by_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], train: str | bytes, told: str
):
    good = tmp_path / "good.csv"
    good.write_text("user,item\n1,2\n")
    bad = tmp_path / "train.csv"
    bad.write_bytes(train if isinstance(train, bytes) else train.encode())
    arguments = ["--train", bad, "--history", good, "--items", good, "--out", tmp_path / "out"]
    assert evaluate([str(argument) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert "Traceback" not in error
    assert not (tmp_path / "out").exists()
