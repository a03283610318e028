"""What the exports of other sites say, and what is made of hostile ones."""

import io
import json
import struct
import time
import tracemalloc
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from interactions.domain.exports import ROWS, UnreadableExport, lines_of
from interactions.domain.exports.cells import split_title
from interactions.domain.imports import Row, Unusable

RATINGS = """Date,Name,Year,Letterboxd URI,Rating
2024-01-02,Arrival,2016,https://boxd.it/a,4.5
2024-01-03,"Tár, the film",2022,https://boxd.it/b,0.5
"""
REVIEWS = """Date,Name,Year,Letterboxd URI,Rating,Rewatch,Review,Tags,Watched Date
2024-01-02,Arrival,2016,https://boxd.it/r,4.5,,"Time, at last.
Twice.",,2024-01-01
2024-01-04,Solaris,1972,https://boxd.it/s,,,Words alone,,2024-01-04
"""
DIARY = """Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date
2024-02-01,Heat,1995,https://boxd.it/h,,Yes,,2024-01-31
"""
PLAIN = """Date,Name,Year,Letterboxd URI
2024-03-01,Stalker,1979,https://boxd.it/x
"""
IMDB = (
    "Const,Your Rating,Date Rated,Title,Original Title,URL,Title Type,IMDb Rating,"
    "Runtime (mins),Year,Genres,Num Votes,Release Date,Directors\n"
    "tt0111161,10,2019-03-14,The Shawshank Redemption,,https://www.imdb.com/title/tt0111161/,"
    'Movie,9.3,142,1994,"Drama",2000000,1994-10-14,Frank Darabont\n'
    "tt0903747,9,2020-02-01,Breaking Bad,,,TV Series,9.5,,2008,,,,\n"
    "tt0000002,11,2021-05-06,Bad High,,,Movie,,,2001,,,,\n"
    "tt0211915,7,2021-05-06,Amélie,,,Movie,,,2001,,,,\n"
)
IMDB_LIST = (
    "Position,Const,Created,Modified,Description,Title,URL,Title Type,IMDb Rating,"
    "Runtime (mins),Year,Genres,Num Votes,Release Date,Directors,Your Rating,Date Rated\n"
    "1,tt2724064,2022-05-04,2022-05-04,,Sharknado,,tvMovie,3.3,86,2013,,,,,,\n"
    "2,tt0113277,2022-05-05,2022-05-05,,Heat,,movie,8.3,170,1995,,,,,8,2021-01-01\n"
)
TRAKT_CSV = (
    "rated_at,type,title,year,trakt_rating,trakt_id,imdb_id,tmdb_id,tvdb_id,url,released,"
    "season_number,episode_number,genres,rating\n"
    "2021-03-22T06:33:00Z,movie,Heat,1995,8.1,502,tt0113277,949,,,1995-12-15,,,crime,7\n"
    "2021-03-22T06:33:00Z,show,Dark,2017,8.1,503,,70523,,,2017-12-01,,,,9\n"
)
MOVIE = {"title": "Heat", "year": 1995, "ids": {"trakt": 502, "imdb": "tt0113277", "tmdb": 949}}
TRAKT_RATINGS = [
    {"rated_at": "2014-09-01T09:10:11.000Z", "rating": 7, "type": "movie", "movie": MOVIE},
    {
        "rated_at": "2014-09-01T09:10:11.000Z",
        "rating": 8,
        "type": "show",
        "show": {"title": "Dark"},
    },
]
MOVIELENS = "userId,movieId,rating,timestamp\n1,47,4.5,964982703\n1,50,3.7,964982703\n"
LINKS = "movieId,imdbId,tmdbId\n47,0114369,807\n50,0114814,\n"
WEBSITE = (
    "movie_id,imdb_id,tmdb_id,rating,average_rating,title\n527,0108052,424,4.5,4.23,X (1993)\n"
)


def archive(files: Mapping[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return buffer.getvalue()


def named(source: str, files: Mapping[str, str]) -> list[Row | Unusable]:
    return lines_of(source, "export.zip", archive(files))


def usable(lines: list[Row | Unusable]) -> list[Row]:
    return [line for line in lines if isinstance(line, Row)]


def said(lines: list[Row | Unusable]) -> list[tuple[object, ...]]:
    return [
        (line.kind, line.clue.title, line.clue.year, line.rating)
        if isinstance(line, Row)
        else (line.title, line.reason)
        for line in lines
    ]


def test_letterboxds_archive_is_read_ratings_first_and_nothing_but_the_persons_own():
    files = {
        "watched.csv": PLAIN, "watchlist.csv": PLAIN, "likes/films.csv": PLAIN, "diary.csv": DIARY,
        "reviews.csv": REVIEWS, "ratings.csv": RATINGS, "deleted/diary.csv": RATINGS,
        "likes/reviews.csv": RATINGS, "profile.csv": "Date Joined\n2020-01-01\n",
        "lists/watchlist.csv": "Letterboxd list export v7\n", "comments.csv": " ",
    }  # fmt: skip
    assert said(named("letterboxd", files)) == [
        ("rating", "Arrival", 2016, 4.5),
        ("rating", "Tár, the film", 2022, 0.5),
        ("rating", "Arrival", 2016, 4.5),
        ("Solaris", "it is a review without a rating"),
        ("seen", "Heat", 1995, 0.0),
        ("favorite", "Stalker", 1979, 0.0),
        ("watchlist", "Stalker", 1979, 0.0),
        ("seen", "Stalker", 1979, 0.0),
    ]
    folded = {f"letterboxd-ada/{name}": content for name, content in files.items()}
    assert said(named("letterboxd", folded)) == said(named("letterboxd", files))
    reviewed = usable(lines_of("letterboxd", "reviews.csv", REVIEWS.encode()))[0]
    assert reviewed.review == "Time, at last.\nTwice."
    assert reviewed.at == datetime(2024, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("filename", "kind"),
    [("watchlist.csv", "watchlist"), ("watched (1).csv", "seen"), ("films.csv", "favorite")],
)
def test_the_name_tells_letterboxds_files_of_the_same_columns(filename: str, kind: str):
    assert said(lines_of("letterboxd", filename, PLAIN.encode())) == [(kind, "Stalker", 1979, 0.0)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_imdbs_ratings_in_its_encodings(encoding: str):
    assert said(lines_of("imdb", "ratings.csv", IMDB.encode(encoding))) == [
        ("rating", "The Shawshank Redemption", 1994, 5.0),
        ("Breaking Bad", "it is no movie but a TV Series"),
        ("Bad High", "11 is not a rating from 1 to 10"),
        ("rating", "Amélie", 2001, 3.5),
    ]


def test_a_list_of_imdb_is_a_watchlist_but_for_what_is_rated():
    lines = lines_of("imdb", "watchlist.csv", IMDB_LIST.encode())
    assert said(lines) == [("watchlist", "Sharknado", 2013, 0.0), ("rating", "Heat", 1995, 4.0)]


def test_trakts_json_and_csv_say_the_same():
    from_json = lines_of("trakt", "ratings-movies.json", json.dumps(TRAKT_RATINGS).encode())
    from_csv = lines_of("trakt", "ratings.csv", TRAKT_CSV.encode())
    assert said(from_json) == [("rating", "Heat", 1995, 3.5), ("Dark", "it is about no movie")]
    assert said(from_csv) == [("rating", "Heat", 1995, 3.5), ("Dark", "it is no movie but a show")]
    for lines in (from_json, from_csv):
        assert isinstance(lines[0], Row)
        assert (lines[0].clue.movie_id, lines[0].clue.imdb_id) == (949, "tt0113277")


def test_trakts_archive_is_read_ratings_first():
    listed = [{"listed_at": "2020-01-01T00:00:00Z", "notes": "soon", "movie": MOVIE}]
    history = [{"watched_at": "2020-01-01T00:00:00Z", "type": "movie", "movie": MOVIE}]
    files = {
        "watched-history-1.json": json.dumps(history),
        "lists-watchlist.json": json.dumps(listed),
        "user-favorites.json": json.dumps(listed),
        "lists-list-12.json": json.dumps(listed),
        "ratings-movies.json": json.dumps(TRAKT_RATINGS[:1]),
        "user-stats.json": "{}",
    }
    kinds = [one.kind for one in named("trakt", files) if isinstance(one, Row)]
    assert kinds == ["rating", "watchlist", "favorite", "seen"]


def test_movielens_needs_links_and_rounds_to_the_nearest_half():
    lines = usable(named("movielens", {"ml/ratings.csv": MOVIELENS, "ml/links.csv": LINKS}))
    assert [(one.clue.movie_id, one.clue.imdb_id, one.rating) for one in lines] == [
        (807, "tt0114369", 4.5),
        (0, "tt0114814", 3.5),
    ]
    assert lines[0].at == datetime.fromtimestamp(964982703, UTC)
    with pytest.raises(UnreadableExport, match=r"links\.csv"):
        lines_of("movielens", "ratings.csv", MOVIELENS.encode())
    inline = "userId,movieId,tmdbId,rating,timestamp\n1,47,807,4.5,964982703\n"
    (line,) = usable(lines_of("movielens", "ratings.csv", inline.encode()))
    assert line.clue.movie_id == 807


def test_movielens_website_names_movies_and_no_times():
    (line,) = lines_of("movielens", "movielens-ratings.csv", WEBSITE.encode())
    assert isinstance(line, Row)
    assert (line.clue.movie_id, line.clue.title, line.clue.year) == (424, "X", 1993)
    assert line.at is None


@pytest.mark.parametrize(
    ("written", "title", "year"),
    [
        ("Toy Story (1995)", "Toy Story", "1995"),
        ("Matrix, The (1999)", "The Matrix", "1999"),
        ("Dolce Vita, La (Sweet Life, The) (1960)", "La Dolce Vita", "1960"),
        ("Avventura, L' (Adventure, The) (1960)", "L'Avventura", "1960"),
        ("Good, the Bad and the Ugly, The (1966)", "The Good, the Bad and the Ugly", "1966"),
        ("Seven (a.k.a. Se7en) (1995)", "Seven", "1995"),
        ("Fear(s) of the Dark (Peur(s) du noir) (2007)", "Fear(s) of the Dark", "2007"),
        ("Birdman: Or (The Unexpected Virtue) (2014)",
         "Birdman: Or (The Unexpected Virtue)", "2014"),
        ("Fawlty Towers (1975-1979)", "Fawlty Towers", "1975"),
        ("(500) Days of Summer (2009)", "(500) Days of Summer", "2009"),
        ("Monsters, Inc. (2001)", "Monsters, Inc.", "2001"),
        ("Nocturne", "Nocturne", ""),
    ],
)  # fmt: skip
def test_movielens_sorts_articles_behind(written: str, title: str, year: str):
    assert split_title(written) == (title, year)


def test_a_title_of_blanks_without_end_is_refused_and_costs_nothing():
    title = f"a{' ' * 90_000}b"
    content = f"movieId,rating,title\n1,4,{title}\n"
    (line,) = lines_of("movielens", "ratings.csv", content.encode())
    assert isinstance(line, Unusable)
    assert line.reason == "its title is longer than 500 characters"


def test_a_title_of_many_parentheses_costs_no_more_than_another():
    title = f"a{' ' * 300}{'(b)' * 66}"
    content = "movieId,rating,title\n" + f"1,4,{title}\n" * 1_000
    began = time.process_time()
    lines = lines_of("movielens", "ratings.csv", content.encode())
    assert time.process_time() - began < 5
    assert {line.clue.title for line in usable(lines)} == {"a"}


def test_ratings_of_several_people_are_no_import():
    several = MOVIELENS + "2,47,3.0,964982703\n"
    with pytest.raises(UnreadableExport, match="several people"):
        named("movielens", {"ratings.csv": several, "links.csv": LINKS})


@pytest.mark.parametrize("value", ["=1+1", "@SUM(A1)", "nan", "inf", "", "-1", "0", "4,5", "5.5"])
def test_a_rating_that_is_none_is_reported(value: str):
    text = f'Date,Name,Year,Letterboxd URI,Rating,Review\n2024-01-02,Heat,1995,,"{value}",x\n'
    (line,) = lines_of("letterboxd", "reviews.csv", text.encode())
    assert isinstance(line, Unusable)
    assert line.title == "Heat"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2024-01-02,He\0at,1995,,4", "its title holds characters that no text has"),
        (f"2024-01-02,{'x' * 501},1995,,4", "its title is longer than 500 characters"),
        ("2024-13-02,Heat,1995,,4", "'2024-13-02' is not a date like 2024-12-31"),
        ("2024-01-02,Heat", "it has 2 of 5 columns"),
        ("2024-01-02,,,,4", "it names no movie"),
        (f'2024-01-02,"{"x" * 200_000}",1995,,4', "the row cannot be read"),
        ('2024-01-02,"Heat,1995,,4', "the row cannot be read: unexpected end of data"),
    ],
)
def test_a_bad_row_says_why_and_ends_nothing(row: str, reason: str):
    text = f"Date,Name,Year,Letterboxd URI,Rating\n2024-01-02,Arrival,2016,,4.5\n{row}\n"
    first, second = lines_of("letterboxd", "ratings.csv", text.encode())
    assert isinstance(first, Row)
    assert isinstance(second, Unusable)
    assert second.number == 2
    assert second.reason.startswith(reason)


@pytest.mark.parametrize(
    ("source", "header", "row"),
    [
        ("letterboxd", "Date,Name,Year,Letterboxd URI,Rating", "2024-01-02,{},1995,,4"),
        ("letterboxd", "Date,Name,Year,Rating,Review", '2024-01-02,{},1995,4,"Slow.\n\nGood."'),
        ("imdb", "Const,Your Rating,Date Rated,Title", "tt0113277,8,2021-01-01,{}"),
        ("trakt", "rated_at,title,year,rating", "2021-03-22T06:33:00Z,{},1995,7"),
        ("movielens", "movie_id,tmdb_id,title,rating", "6,949,{},4.0"),
    ],
)
@pytest.mark.parametrize("broken", ['"Heat', '"Heat, ""The', '"The ""Heat""'])
@pytest.mark.parametrize("after", ['Heat 7"', '"Heat, II"', "Heat II"])
def test_a_quote_that_is_not_closed_costs_its_line(
    source: str, header: str, row: str, broken: str, after: str
):
    rows = [row.format(title) for title in ("Arrival", broken, after, "Stalker", "Solaris")]
    lines = lines_of(source, "ratings.csv", "\n".join([header, *rows, ""]).encode())
    refused = [line for line in lines if isinstance(line, Unusable)]
    assert [one.number for one in refused if "cannot be read" in one.reason] == [2]
    titles = [line.clue.title for line in usable(lines)]
    assert titles[0] == "Arrival"
    assert titles[-2:] == ["Stalker", "Solaris"]
    assert after.strip('"') in [title.strip('"') for title in ("", *titles)]


def test_each_quote_that_is_not_closed_costs_its_line_and_there_is_an_end_to_them():
    # From whichever line one begins, all that follow are one row.
    header = "Date,Name,Year,Letterboxd URI,Rating\n"
    lines = lines_of("letterboxd", "ratings.csv", (header + 'x",",\n' * 1_000).encode())
    assert len(lines) == 1_000
    with pytest.raises(UnreadableExport, match="quotes are not closed"):
        lines_of("letterboxd", "ratings.csv", (header + 'x",",\n' * 1_100).encode())


def test_a_review_of_many_lines_is_one_row():
    review = "\n".join(f"Line {number}" for number in range(900))
    text = f'Date,Name,Year,Rating,Review\n2024-01-02,Heat,1995,4,"{review}"\n'
    (line,) = lines_of("letterboxd", "reviews.csv", text.encode())
    assert isinstance(line, Row)
    assert line.review == review


def test_an_imported_review_turns_no_direction():
    text = "Date,Name,Year,Rating,Review\n2024-01-02,Heat,1995,4,Good\u202e?\n"
    (line,) = lines_of("letterboxd", "reviews.csv", text.encode())
    assert isinstance(line, Unusable)
    assert line.reason == "its review holds characters that turn its direction"


def test_a_title_that_is_a_formula_is_a_title():
    text = 'Date,Name,Year,Letterboxd URI,Rating\n2024-01-02,"=HYPERLINK(""x"")",1995,,4\n'
    (line,) = lines_of("letterboxd", "ratings.csv", text.encode())
    assert isinstance(line, Row)
    assert line.clue.title == '=HYPERLINK("x")'


HOSTILE = {
    "empty": b"",
    "blank": b" \n ",
    "a header alone": RATINGS.splitlines()[0].encode(),
    "other columns": b"a,b,c\n1,2,3\n",
    "binary": bytes(range(256)) * 10,
    "utf-16": RATINGS.encode("utf-16"),
    "latin-1": RATINGS.encode("latin-1"),
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "no archive": b"PK\x03\x04" + bytes(60),
    "a cut archive": archive({"ratings.csv": RATINGS})[:-30],
    "an archive of nothing": archive({}),
    "an archive of other things": archive({"readme": "hello"}),
    "an archive of other files": archive({"other.csv": "a,b\n1,2\n"}),
    "a bomb": archive({"ratings.csv": b"x" * (41 * 1024 * 1024)}),
    "many small bombs": archive({f"{n}.csv": b"," * (5 * 1024 * 1024) for n in range(9)}),
    "many files": archive({f"{n}.csv": "a" for n in range(2_001)}),
    "a rare compression": archive({"ratings.csv": RATINGS}, zipfile.ZIP_LZMA),
    "one huge line": b"x" * 3_000_000,
}


@pytest.mark.parametrize("source", ["letterboxd", "imdb", "trakt", "movielens"])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_with_a_sentence(name: str, source: str):
    with pytest.raises(UnreadableExport) as caught:
        lines_of(source, "ratings.csv", HOSTILE[name])
    assert 10 < len(str(caught.value)) < 200


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_in_utf_16_is_refused_as_a_whole(encoding: str):
    for source, text in (("imdb", IMDB), ("letterboxd", RATINGS), ("trakt", TRAKT_CSV)):
        with pytest.raises(UnreadableExport, match="not text in UTF-8"):
            lines_of(source, "ratings.csv", text.encode(encoding))


@pytest.mark.parametrize(
    "content",
    [b"[", b"[[[[", b"[" * 100_000, b'{"a": 1}', b"[]", b'[{"rating": 1e999}', b"null",
     b"[" + b"9" * 10_000 + b"]" ],
)  # fmt: skip
def test_json_that_is_no_export_is_refused(content: bytes):
    with pytest.raises(UnreadableExport):
        lines_of("trakt", "ratings.json", content)


@pytest.mark.parametrize(
    "entry",
    [None, 5, "x", [], {}, {"movie": 5}, {"movie": {"title": []}},
     {"rating": 5, "movie": {"ids": 1}},
     {"rating": True, "rated_at": "2020-01-01", "movie": MOVIE},
     {"rating": 5, "rated_at": "yesterday", "movie": MOVIE},
     {"rating": 5, "rated_at": "2020-01-01", "movie": {"title": "a\x00b"}}],
)  # fmt: skip
def test_an_entry_that_is_none_of_trakts_is_reported(entry: object):
    content = json.dumps([entry, TRAKT_RATINGS[0]]).encode()
    first, second = lines_of("trakt", "ratings.json", content)
    assert isinstance(first, Unusable)
    assert isinstance(second, Row)


@pytest.mark.parametrize("content", [b'{"a": [1], "b": {"c": [2]}, "d": [3, 4] } ', b" [1,2,3]"])
def test_json_is_read_entry_by_entry(content: bytes):
    lines = lines_of("trakt", "ratings.json", content)
    assert [line.number for line in lines] == [1, 2, 3]


def test_entries_are_read_whole_wherever_they_lie():
    entries = [{"notes": "x" * 300_000, **TRAKT_RATINGS[0]} for _ in range(20)]
    assert len(usable(lines_of("trakt", "ratings.json", json.dumps(entries).encode()))) == 20


@pytest.mark.parametrize(
    "content",
    [b"[1, 2", b"[1 2]", b"[1, ]", b"[1] 2", b'{"a": [1], }', b'{"a" [1]}', b"{1: [1]}",
     b'{"a": [1]', b"[" + json.dumps("x" * 2_000_001).encode() + b"]"],
)  # fmt: skip
def test_json_that_breaks_off_is_refused_as_a_whole(content: bytes):
    with pytest.raises(UnreadableExport, match="not JSON"):
        lines_of("trakt", "ratings.json", content)


def test_there_is_an_end_to_the_movies_that_links_name():
    links = "movieId,tmdbId\n" + "".join(f"{number},1\n" for number in range(250_001))
    with pytest.raises(UnreadableExport, match="more than 250,000 movies"):
        named("movielens", {"ratings.csv": "movieId,rating\n1,5\n", "links.csv": links})


@pytest.mark.parametrize(
    ("source", "content"),
    [
        ("trakt", b'{"a": [' + b"[{},[]]," * 200_000 + b"1]}"),
        ("imdb", b"," * 4_000_000 + b"const"),
    ],
    ids=["many values", "many columns"],
)
def test_no_file_takes_many_times_its_size_in_memory(source: str, content: bytes):
    tracemalloc.start()
    with pytest.raises(UnreadableExport):
        lines_of(source, "ratings.json", content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30 * 1024 * 1024


def test_names_in_an_archive_are_no_paths():
    with pytest.raises(UnreadableExport, match="none of"):
        named("letterboxd", {"../../etc/ratings.csv": RATINGS, "/etc/x.csv": RATINGS})


def test_a_file_with_an_endless_name_is_passed_over():
    """It would stand beside each row that cannot be used."""
    with pytest.raises(UnreadableExport, match=r"no \.csv"):
        named("letterboxd", {f"{'a' * 300}/ratings.csv": RATINGS})


def test_an_archive_that_lies_about_its_sizes_is_counted_as_it_unpacks():
    content = bytearray(archive({"ratings.csv": b"x" * (41 * 1024 * 1024)}))
    place = content.rindex(b"PK\x01\x02") + 24
    struct.pack_into("<I", content, place, 10)
    with pytest.raises(UnreadableExport):
        lines_of("letterboxd", "x.zip", bytes(content))


def test_an_encrypted_archive_is_refused():
    content = bytearray(archive({"ratings.csv": RATINGS}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    with pytest.raises(UnreadableExport, match="encrypted"):
        lines_of("letterboxd", "x.zip", bytes(content))


def test_there_is_an_end_to_the_rows():
    header, row = RATINGS.splitlines(keepends=True)[:2]
    assert len(lines_of("letterboxd", "ratings.csv", (header + row * ROWS).encode())) == ROWS
    with pytest.raises(UnreadableExport, match="more than 100,000 rows"):
        lines_of("letterboxd", "ratings.csv", (header + row * (ROWS + 1)).encode())
