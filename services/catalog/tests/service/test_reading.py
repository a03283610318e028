"""What people read: every filter and order with its pages, search, lists, people, imports."""

from typing import Any

import grpc
import pytest

from chassis.errors import Invalid, NotFound
from chassis.rpc.statuses import refusal_from
from marquee.catalog.v1 import catalog_pb2 as pb
from marquee.catalog.v1 import events_pb2 as events

FIRST, SIZE = 900_000_001, 150

ORDERS = [
    (pb.MOVIE_SORT_UNSPECIFIED, "popularity", True),
    (pb.MOVIE_SORT_POPULARITY, "popularity", False),
    (pb.MOVIE_SORT_RATING, "vote_average", False),
    (pb.MOVIE_SORT_RATING_DESC, "vote_average", True),
    (pb.MOVIE_SORT_RELEASE_DATE, "release_date", False),
    (pb.MOVIE_SORT_RELEASE_DATE_DESC, "release_date", True),
    (pb.MOVIE_SORT_TITLE, "title_key", False),
    (pb.MOVIE_SORT_TITLE_DESC, "title_key", True),
]


@pytest.fixture
def loaded(synced, catalog):
    """The catalog, with everything in it; a few movies have no release date."""
    with synced.context.database.begin() as connection:
        connection.exec_driver_sql("update movie set release_date = null where tmdb_id %% 10 = 0")
    return catalog


def refusal(call, **values):
    with pytest.raises(grpc.RpcError) as caught:
        call(**values)
    error: Any = caught.value
    return refusal_from(error.code(), error.details(), error.trailing_metadata())


def all_pages(method, field, page_size=7, **values):
    """Everything page by page; no page is short but the last."""
    found, token = [], ""
    while True:
        reply = method(page_size=page_size, page_token=token, **values)
        page = list(getattr(reply, field))
        found += page
        token = reply.next_page_token
        if not token:
            return found
        assert len(page) == page_size


def ids(movies):
    return [movie.movie_id for movie in movies]


def sorted_ids(rows, column, descending):
    dated = [row for row in rows if row[column] is not None]
    others = [row for row in rows if row[column] is None]
    dated.sort(key=lambda row: (row[column], row["tmdb_id"]), reverse=descending)
    others.sort(key=lambda row: row["tmdb_id"], reverse=descending)
    return [row["tmdb_id"] for row in (*dated, *others)]


def test_every_order_is_kept_over_all_pages(loaded, synced):
    rows = synced.rows("select * from movie where not adult")
    for sort, column, descending in ORDERS:
        found = all_pages(loaded.ListMovies, "movies", sort=sort)
        assert ids(found) == sorted_ids(rows, column, descending), column


def test_every_filter_keeps_what_it_says_alone_and_with_others(loaded, synced):
    def expected(condition):
        rows = synced.rows(f"select * from movie m where {condition}")
        return sorted_ids(rows, "popularity", descending=True)

    def exists(table, column, value):
        return f"exists (select from {table} where movie_id = m.tmdb_id and {column} = {value})"

    (pair,) = synced.rows(
        "select min(genre_id) a, max(genre_id) b from movie_genre group by movie_id"
        " having count(*) > 1 limit 1"
    )
    (person,) = synced.values(
        "select person_id from credit group by 1 order by count(*) desc limit 1"
    )
    (word,) = synced.values(
        "select keyword_id from movie_keyword group by 1 order by count(*) desc limit 1"
    )
    first, second = (exists("movie_genre", "genre_id", pair[key]) for key in ("a", "b"))
    cases = [
        ({"include_adult": True}, "true"),
        ({"genre_ids": [pair["a"]]}, first),
        ({"genre_ids": [pair["a"], pair["b"]]}, f"{first} and {second}"),
        ({"year": 2015}, "extract(year from release_date) = 2015"),
        ({"released_after": "2010-01-01"}, "release_date >= '2010-01-01'"),
        ({"released_before": "2009-12-31"}, "release_date <= '2009-12-31'"),
        ({"min_rating": 6.5}, "vote_average >= 6.5"),
        ({"min_votes": 100}, "vote_count >= 100"),
        ({"language": "es"}, "original_language = 'es'"),
        ({"min_runtime": 110}, "runtime_minutes >= 110"),
        ({"max_runtime": 90}, "runtime_minutes between 1 and 90"),
        ({"person_ids": [person]}, exists("credit", "person_id", person)),
        ({"keyword_ids": [word]}, exists("movie_keyword", "keyword_id", word)),
        (
            {"genre_ids": [pair["a"]], "min_rating": 5, "released_after": "1990-01-01"},
            f"{first} and vote_average >= 5 and release_date >= '1990-01-01'",
        ),
    ]
    for wanted, condition in cases:
        adult = "true" if "include_adult" in wanted else "not adult"
        found = all_pages(loaded.ListMovies, "movies", filter=wanted)
        assert ids(found) == expected(f"{condition} and {adult}"), wanted


def test_a_page_neither_repeats_nor_skips_while_others_write(loaded, synced):
    whole = ids(all_pages(loaded.ListMovies, "movies", sort=pb.MOVIE_SORT_TITLE))
    first = loaded.ListMovies(sort=pb.MOVIE_SORT_TITLE, page_size=50)
    with synced.context.database.begin() as connection:
        connection.exec_driver_sql("update movie set popularity = popularity + 1")
        connection.exec_driver_sql(
            "update movie set removed_at = now() where tmdb_id = %(id)s", {"id": whole[10]}
        )
    token = first.next_page_token
    rest = loaded.ListMovies(sort=pb.MOVIE_SORT_TITLE, page_size=100, page_token=token)
    assert ids(first.movies) + ids(rest.movies) == whole


def test_tokens_of_another_list_are_refused(loaded):
    token = loaded.ListMovies(page_size=5).next_page_token
    for call, values in [
        (loaded.ListMovies, {"sort": pb.MOVIE_SORT_TITLE}),
        (loaded.ListMovies, {"filter": {"min_votes": 1}}),
        (loaded.SearchMovies, {"query": "a"}),
        (loaded.ListFeaturedMovies, {"list": pb.FEATURED_LIST_POPULAR}),
    ]:
        refused = refusal(call, page_token=token, **values)
        assert isinstance(refused, Invalid)
        assert refused.errors[0]["pointer"] == "/page_token"


@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("ListMovies", {"filter": {"released_after": "yesterday"}}),
        ("ListMovies", {"filter": {"year": 123456}}),
        ("ListMovies", {"filter": {"min_rating": float("nan")}}),
        ("ListMovies", {"filter": {"genre_ids": [-1]}}),
        ("ListMovies", {"filter": {"language": "e\0"}}),
        ("ListMovies", {"sort": 99}),
        ("ListMovies", {"page_size": -1}),
        ("SearchMovies", {"query": "  "}),
        ("SearchMovies", {"query": "x" * 201}),
        ("SearchMovies", {"query": "x", "year": -5}),
        ("GetMovie", {"movie_id": 0}),
        ("BatchGetMovies", {"movie_ids": range(1, 502)}),
        ("ListFeaturedMovies", {"list": 0}),
        ("ListWatchProviders", {"movie_id": FIRST, "region": "USA"}),
        ("GetSyncRun", {"sync_run_id": "not an id"}),
        ("StartSync", {"stage": "nothing"}),
        ("BatchCreateMovies", {"movies": [{"movie_id": 1, "title": ""}]}),
        ("BatchCreateMovies", {"movies": [{"movie_id": 1, "title": "A", "release_date": "x"}]}),
        ("BatchMatchMovies", {}),
    ],
)
def test_bad_input_is_refused_by_name(catalog, method, values):
    refused = refusal(getattr(catalog, method), **values)
    assert isinstance(refused, Invalid)
    assert refused.errors


def test_unknown_things_are_not_found(catalog):
    for method, values, reason in [
        ("GetMovie", {"movie_id": 7}, "MOVIE_NOT_FOUND"),
        ("ListCredits", {"movie_id": 7}, "MOVIE_NOT_FOUND"),
        ("ListWatchProviders", {"movie_id": 2**62, "region": "US"}, "MOVIE_NOT_FOUND"),
        ("GetPerson", {"person_id": 7}, "PERSON_NOT_FOUND"),
        ("GetCollection", {"collection_id": 7}, "COLLECTION_NOT_FOUND"),
        ("GetSyncRun", {"sync_run_id": "01890a5d-ac96-774b-bcce-b302099a8057"},
         "SYNC_RUN_NOT_FOUND"),
    ]:  # fmt: skip
        refused = refusal(getattr(catalog, method), **values)
        assert isinstance(refused, NotFound)
        assert refused.reason == reason


def test_search_forgives_typos_and_knows_translations(loaded, synced):
    row = synced.rows(
        "select tmdb_id, title, original_title from movie where not adult"
        " and length(title) > 12 and original_language <> 'en' and title <> original_title"
        " order by popularity desc limit 1"
    )[0]
    title = row["title"]
    typo = title[:4] + title[5] + title[4] + title[6:]
    for query in (title, title.upper(), title[:-3], typo, row["original_title"]):
        found = loaded.SearchMovies(query=query, page_size=20).movies
        assert row["tmdb_id"] in ids(found), query
    assert loaded.SearchMovies(query=title).movies[0].title == title


def test_search_pages_hold_each_movie_once(loaded):
    for query in ("the", "the last", "night"):
        found = ids(all_pages(loaded.SearchMovies, "movies", page_size=4, query=query))
        assert len(found) == len(set(found))


def test_search_survives_any_text(loaded):
    for query in (
        "'",
        '"',
        "\\",
        "%",
        "_",
        "a & b | !c",
        ":*",
        "(",
        "<->",
        "日本",
        "'; drop table",
    ):
        loaded.SearchMovies(query=query)
        loaded.SearchPeople(query=query)


def test_texts_fall_back_from_region_to_language_to_english(loaded, standin, synced):
    movie_id = synced.values(
        "select movie_id from translation where language = 'de' and title <> '' limit 1"
    )[0]
    german = standin.movie(movie_id, "de-DE")["title"]
    for tag in ("de-DE", "de-AT", "de", "de_CH"):
        reply = loaded.GetMovie(movie_id=movie_id, language=tag)
        assert reply.movie.movie.title == german
        assert loaded.BatchGetMovies(movie_ids=[movie_id], language=tag).movies[0].title == german
    english = loaded.GetMovie(movie_id=movie_id).movie.movie.title
    for tag in ("sw", "", "x-strange"):
        assert loaded.GetMovie(movie_id=movie_id, language=tag).movie.movie.title == english
    names = {genre.genre_id: genre.name for genre in loaded.ListGenres(language="de").genres}
    assert names[18] == "Drama"
    assert names[878]
    assert len(names) == 19


def test_a_movie_comes_with_what_was_asked_for(loaded, synced):
    movie_id = synced.values(
        "select m.tmdb_id from movie m join video v on v.movie_id = m.tmdb_id"
        " where collection_id is not null limit 1"
    )[0]
    plain = loaded.GetMovie(movie_id=movie_id)
    assert not plain.credits
    assert plain.movie.collection_name
    assert plain.movie.synced_at.seconds
    full = loaded.GetMovie(movie_id=movie_id, includes=[1, 2, 3, 4])
    assert full.credits[0].job == "Director"
    assert full.videos
    assert movie_id in ids(full.collection.movies)
    collection = loaded.GetCollection(collection_id=plain.movie.collection_id).collection
    assert ids(collection.movies) == ids(full.collection.movies)
    listed = all_pages(loaded.ListCredits, "credits", page_size=3, movie_id=movie_id)
    assert listed == list(full.credits)


def test_people_are_found_and_show_what_they_did(loaded, synced):
    person = synced.rows(
        "select p.* from person p join credit c using (person_id) group by p.person_id"
        " order by count(*) desc limit 1"
    )[0]
    name = person["name"]
    for query in (name, name.lower(), name[:-2], name[:3] + name[4] + name[3] + name[5:]):
        found = loaded.SearchPeople(query=query, page_size=50).people
        assert person["person_id"] in [one.person_id for one in found], query
    parts = all_pages(loaded.GetPerson, "credits", page_size=2, person_id=person["person_id"])
    count = synced.values(
        "select count(*) from credit where person_id = :id", id=person["person_id"]
    )
    assert [len(parts)] == count
    popularity = [part.movie.popularity for part in parts]
    assert popularity == sorted(popularity, reverse=True)


def test_lists_come_from_tmdb_and_survive_an_empty_cache(loaded, synced):
    expected = synced.values(
        "select f.movie_id from featured_movie f join movie m on m.tmdb_id = f.movie_id"
        " where list_name = 'top_rated' and not adult order by position"
    )
    for _ in range(2):
        found = all_pages(loaded.ListFeaturedMovies, "movies", list=pb.FEATURED_LIST_TOP_RATED)
        assert ids(found) == expected
        synced.context.cache.flushdb()


def test_trending_is_popularity_while_there_is_no_list(loaded, synced):
    with synced.context.database.begin() as connection:
        connection.exec_driver_sql("delete from featured_movie")
    synced.context.cache.flushdb()
    found = loaded.ListFeaturedMovies(list=pb.FEATURED_LIST_TRENDING_DAY).movies
    assert ids(found) == ids(loaded.ListMovies().movies)


def test_watch_providers_are_those_of_the_region(loaded, synced):
    movie_id = synced.values("select tmdb_id from movie where watch_providers ? 'DE' limit 1")[0]
    reply = loaded.ListWatchProviders(movie_id=movie_id, region="de")
    assert "DE" in reply.regions
    assert reply.link
    none = loaded.ListWatchProviders(movie_id=movie_id, region="AQ")
    assert not none.providers


def test_the_attribution_is_tmdbs_own_words(catalog):
    reply = catalog.GetConfiguration()
    said = "This product uses the TMDB API but is not endorsed or certified by TMDB."
    assert said in reply.attribution
    assert reply.image_base_url.endswith("/")
    assert "original" in reply.poster_sizes


def imported(**changes):
    movie: dict[str, Any] = {
        "movie_id": 862,
        "title": "Toy Story",
        "release_date": "1995",
        "genre_names": ["Adventure", "Children", "Sci-Fi", "IMAX", "(no genres listed)"],
        "imdb_id": "tt0114709",
        "tags": ["pixar", "Pixar", "fun"],
    }
    return pb.ImportedMovie(**{**movie, **changes})


def test_an_import_maps_genres_and_keeps_tags_as_keywords(catalog, syncing):
    reply = catalog.BatchCreateMovies(movies=[imported()])
    assert (reply.created_count, reply.updated_count, reply.unchanged_count) == (1, 0, 0)
    reply = catalog.BatchCreateMovies(movies=[imported()])
    assert (reply.created_count, reply.updated_count, reply.unchanged_count) == (0, 0, 1)
    reply = catalog.BatchCreateMovies(movies=[imported(tags=["pixar"])])
    assert (reply.created_count, reply.updated_count, reply.unchanged_count) == (0, 1, 0)
    movie = catalog.GetMovie(movie_id=862, includes=[pb.MOVIE_INCLUDE_KEYWORDS])
    shown = movie.movie.movie
    names = [genre.name for genre in shown.genres]
    assert sorted(names) == ["Adventure", "Family", "Science Fiction"]
    assert [keyword.name for keyword in movie.keywords] == ["IMAX", "pixar"]
    assert (shown.source, shown.release_date, shown.version) == ("import", "1995-01-01", 2)
    payloads = syncing.values("select payload from outbox order by event_id")
    (fact,) = events.MoviesChanged.FromString(bytes(payloads[-1])).movies
    assert fact.keywords[0].keyword_id == 0


def test_a_synced_movie_is_not_overwritten_but_takes_over_an_import(catalog, syncing):
    catalog.BatchCreateMovies(movies=[imported(movie_id=FIRST)])
    syncing.run("all")
    synced = catalog.GetMovie(movie_id=FIRST).movie.movie
    assert synced.source == "standin"
    reply = catalog.BatchCreateMovies(movies=[imported(movie_id=FIRST)])
    assert reply.unchanged_count == 1
    assert catalog.GetMovie(movie_id=FIRST).movie.movie == synced


def test_clues_find_the_one_movie_they_mean(catalog):
    catalog.BatchCreateMovies(
        movies=[
            imported(),
            imported(movie_id=2, title="Heat", imdb_id="tt0113277"),
            imported(movie_id=3, title="Heat", release_date="1986-11-13", imdb_id=""),
        ]
    )
    clues = [
        {"movie_id": 862},
        {"imdb_id": "tt0113277"},
        {"title": "TOY STORY!", "year": 1996},
        {"title": "Heat", "year": 1986},
        {"title": "Heat"},
        {"title": "Nothing", "year": 1986},
        {"movie_id": 999},
    ]
    found = catalog.BatchMatchMovies(clues=clues).movie_ids
    assert list(found) == [862, 2, 862, 3, 0, 0, 0]


def test_a_sync_is_started_once_for_each_request_and_watched(admin, syncing):
    run = admin.StartSync(stage="reference", request_id="r1").run
    again = admin.StartSync(stage="reference", request_id="r1").run
    assert run.sync_run_id == again.sync_run_id
    assert run.state == "queued"
    assert syncing.values("select count(*) from job") == [1]
    movies = admin.StartSync(movie_ids=[FIRST]).run
    assert movies.stage == "movies"
    runs = all_pages(admin.ListSyncRuns, "runs", page_size=1)
    assert [one.sync_run_id for one in runs] == [movies.sync_run_id, run.sync_run_id]
    assert admin.GetSyncRun(sync_run_id=run.sync_run_id).run == runs[1]


def test_only_admins_see_the_quarantine(catalog):
    with pytest.raises(grpc.RpcError) as caught:
        catalog.ListQuarantine()
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
