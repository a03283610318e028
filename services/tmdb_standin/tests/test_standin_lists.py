"""Lists, filters, searches and every refusal."""

import pytest

FIRST_ID = 900_000_001
MISSING = f"/3/movie/{FIRST_ID + 400}"


def test_pages_of_popular_hold_every_movie_once_by_falling_popularity(steady):
    pages = [steady.get("/3/movie/popular", params={"page": n}).json() for n in range(1, 21)]
    movies = [entry for page in pages for entry in page["results"]]
    assert len({entry["id"] for entry in movies}) == 400
    popularity = [entry["popularity"] for entry in movies]
    assert popularity == sorted(popularity, reverse=True)
    assert pages[0]["total_pages"] == 20
    assert steady.get("/3/movie/popular?page=21").json()["results"] == []


def test_dated_lists_keep_their_dates(serve):
    client = serve(SIZE=50_000)
    for path in ("now_playing", "upcoming"):
        page = client.get(f"/3/movie/{path}").json()
        dates = page["dates"]
        assert page["results"]
        for entry in page["results"]:
            assert dates["minimum"] <= entry["release_date"] <= dates["maximum"]


def test_discover_keeps_its_filters_and_order(steady):
    query = {"with_genres": "18", "vote_count.gte": "50", "sort_by": "vote_average.desc"}
    results = steady.get("/3/discover/movie", params=query).json()["results"]
    assert results
    assert all(18 in entry["genre_ids"] and entry["vote_count"] >= 50 for entry in results)
    averages = [entry["vote_average"] for entry in results]
    assert averages == sorted(averages, reverse=True)


def test_discover_ignores_what_it_does_not_know(steady):
    plain = steady.get("/3/discover/movie").json()
    assert steady.get("/3/discover/movie?with_colour=red").json() == plain


def test_search_finds_a_movie_by_its_title_and_a_person_by_name(steady):
    wanted = steady.get("/3/movie/popular").json()["results"][3]
    found = steady.get("/3/search/movie", params={"query": wanted["title"]}).json()["results"]
    assert wanted["id"] in [entry["id"] for entry in found]
    cast = steady.get(f"/3/movie/{wanted['id']}/credits").json()["cast"]
    people = steady.get("/3/search/person", params={"query": cast[0]["name"]}).json()["results"]
    assert cast[0]["id"] in [entry["id"] for entry in people]
    assert steady.get("/3/search/movie").json()["total_results"] == 0


@pytest.mark.parametrize("window", ["day", "week"])
def test_trending_lists_movies(steady, window):
    results = steady.get(f"/3/trending/movie/{window}").json()["results"]
    assert len(results) == 20
    assert all(entry["media_type"] == "movie" for entry in results)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (MISSING, 404, 34),
        (f"{MISSING}/credits", 404, 34),
        (f"/3/movie/{FIRST_ID}/nonsense", 404, 34),
        ("/3/movie/abc", 404, 6),
        ("/3/movie/0", 404, 6),
        ("/3/movie/²", 404, 6),
        ("/3/person/1", 404, 34),
        ("/3/collection/1", 404, 34),
        ("/3/trending/movie/year", 404, 34),
        ("/3/unknown", 404, 34),
        ("/3/movie/popular?page=501", 400, 22),
        ("/3/movie/popular?page=0", 400, 22),
        ("/3/movie/popular?page=x", 400, 22),
        ("/3/movie/changes?start_date=01-01-2026", 400, 23),
        ("/3/discover/movie?primary_release_date.gte=soon", 400, 23),
        (f"/3/movie/{FIRST_ID}?append_to_response=" + ",".join("abcdefghijklmnopqrstu"), 400, 27),
        ("/3/movie/changes?start_date=2026-01-01&end_date=2026-02-01", 422, 20),
    ],
)
def test_refusals_are_tmdbs(steady, path, status, code):
    response = steady.get(path)
    assert (response.status_code, response.json()["status_code"]) == (status, code)
    assert response.json()["success"] is False


def test_both_forms_of_the_key_open_and_a_wrong_one_does_not(steady):
    path = f"/3/movie/{FIRST_ID}"
    for query, bearer, status in (
        ("", "Bearer test-token", 200),
        ("?api_key=test-token", "", 200),
        ("?api_key=wrong", "", 401),
        ("", "Bearer wrong", 401),
        ("", "", 401),
    ):
        response = steady.get(path + query, headers={"Authorization": bearer})
        assert response.status_code == status
        assert status == 200 or response.json()["status_code"] == 7
