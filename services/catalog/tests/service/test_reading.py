"""What people read: every filter and order with its pages, search, lists and people."""

from catalog_asking import FIRST, all_pages, ids

from marquee.catalog.v1 import catalog_pb2 as pb

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
            {"min_runtime": 90, "max_runtime": 120, "min_votes": 10, "include_adult": True},
            "runtime_minutes between 90 and 120 and vote_count >= 10",
        ),
        ({"min_runtime": 120, "max_runtime": 90}, "false"),
        (
            {"year": 2015, "released_after": "2015-03-01", "released_before": "2015-10-31"},
            "release_date between '2015-03-01' and '2015-10-31'",
        ),
        ({"year": 2015, "released_before": "2014-01-01"}, "false"),
        (
            {"person_ids": [person], "language": "EN", "min_rating": 1},
            f"{exists('credit', 'person_id', person)} and original_language = 'en'"
            " and vote_average >= 1",
        ),
        ({"genre_ids": [2**63 - 1]}, "false"),
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


def test_two_typos_are_forgiven_in_titles_and_names(loaded, synced):
    titles = synced.values(
        "select title from movie where not adult and title ~ '^[A-Za-z ]{14,}$'"
        " order by popularity desc limit 10"
    )
    names = synced.values("select name from person where name ~ '^[A-Za-z ]{12,}$' limit 10")
    for wanted, search, field, shown in [
        *((title, loaded.SearchMovies, "movies", "title") for title in titles),
        *((name, loaded.SearchPeople, "people", "name") for name in names),
    ]:
        first, rest = wanted[:3], wanted[3:]
        two_letters_swapped = first[0] + first[2] + first[1] + rest[:-3] + rest[-2] + rest[-3]
        one_lost_one_extra = first[:2] + rest[:-1] + "x" + rest[-1]
        for query in (two_letters_swapped + rest[-1], one_lost_one_extra):
            found = getattr(search(query=query, page_size=100), field)
            assert wanted in [getattr(one, shown) for one in found], (wanted, query)


def test_words_written_as_one_are_found_with_a_typo_in_one(loaded, synced):
    title = synced.values(
        "select title from movie where not adult and title ~ '^[A-Za-z]{5,} [A-Za-z]{5,}$'"
        " order by popularity desc limit 1"
    )[0]
    joined = title.replace(" ", "")
    for query in (joined, joined[:2] + joined[3] + joined[2] + joined[4:]):
        found = loaded.SearchMovies(query=query).movies
        assert title in [movie.title for movie in found], query


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
        " where collection_id is not null and not adult limit 1"
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


def test_a_collection_is_shown_page_by_page(loaded, synced):
    with synced.context.database.begin() as connection:
        connection.exec_driver_sql(
            "update movie set collection_id = (select min(collection_id) from collection)"
        )
    rows = synced.rows("select * from movie where not adult")
    collection_id = rows[0]["collection_id"]
    expected = sorted_ids(rows, "release_date", descending=False)
    found, token = [], ""
    for size in (100, 30, 7, 1, 0):
        page = loaded.GetCollection(
            collection_id=collection_id, page_size=size, page_token=token
        ).collection
        assert len(page.movies) == min(size or 100, len(expected) - len(found))
        found += ids(page.movies)
        token = page.next_page_token
    assert found == expected
    assert not token
    beside = loaded.GetMovie(movie_id=FIRST, includes=[pb.MOVIE_INCLUDE_COLLECTION]).collection
    assert ids(beside.movies) == expected[:100]
    rest = loaded.GetCollection(
        collection_id=collection_id, page_token=beside.next_page_token
    ).collection
    assert ids(rest.movies) == expected[100:]


def test_adult_movies_of_a_collection_and_of_a_person_are_shown_only_if_asked_for(loaded, synced):
    movie_id, collection_id, person_id = synced.rows(
        "select m.tmdb_id, m.collection_id, min(c.person_id) from movie m"
        " join credit c on c.movie_id = m.tmdb_id where m.collection_id is not null"
        " group by m.id order by m.id limit 1"
    )[0].values()
    with synced.context.database.begin() as connection:
        connection.exec_driver_sql(f"update movie set adult = true where tmdb_id = {movie_id}")

    def shown(**asked):
        collection = loaded.GetCollection(collection_id=collection_id, **asked).collection
        includes = [pb.MOVIE_INCLUDE_COLLECTION]
        beside = loaded.GetMovie(movie_id=movie_id, includes=includes, **asked).collection
        assert ids(collection.movies) == ids(beside.movies)
        parts = all_pages(loaded.GetPerson, "credits", page_size=1, person_id=person_id, **asked)
        credited = {part.movie.movie_id for part in parts}
        return movie_id in ids(collection.movies), movie_id in credited

    assert shown() == (False, False)
    assert shown(include_adult=True) == (True, True)


def test_people_are_found_and_show_what_they_did(loaded, synced):
    person = synced.rows(
        "select p.* from person p join credit c using (person_id) group by p.person_id"
        " order by count(*) desc limit 1"
    )[0]
    name = person["name"]
    for query in (name, name.lower(), name[:-2], name[:3] + name[4] + name[3] + name[5:]):
        found = loaded.SearchPeople(query=query, page_size=50).people
        assert person["person_id"] in [one.person_id for one in found], query
    asked = {"person_id": person["person_id"], "include_adult": True}
    parts = all_pages(loaded.GetPerson, "credits", page_size=2, **asked)
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


def test_the_movies_there_are_can_be_counted(loaded, syncing):
    (present,) = syncing.values("select count(*) from movie where removed_at is null")
    assert loaded.CountMovies().movies_count == present > 0


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
