"""Movies, people and collections as the stand-in tells them."""

from collections import Counter

import httpx
import pytest

from tmdb_standin.drawing import Shuffle

FIRST_ID = 900_000_001
APPENDED = "credits,keywords,release_dates,videos,translations,external_ids,watch/providers"


def movie(client: httpx.Client, movie_id: int, **query: str) -> dict:
    response = client.get(f"/3/movie/{movie_id}", params=query)
    assert response.status_code == 200, response.text
    return response.json()


def test_the_same_seed_gives_the_same_movie_in_another_process(serve, steady):
    again = serve()
    for movie_id in range(FIRST_ID, FIRST_ID + 20):
        path = f"/3/movie/{movie_id}?append_to_response={APPENDED}"
        assert steady.get(path).content == again.get(path).content


def test_another_seed_gives_another_catalogue(serve, steady):
    other = serve(SEED=2)
    ids = range(FIRST_ID, FIRST_ID + 20)
    assert [movie(steady, n)["title"] for n in ids] != [movie(other, n)["title"] for n in ids]


def test_the_first_movie_of_seed_one_never_changes(steady):
    first = movie(steady, FIRST_ID)
    assert (first["title"], first["release_date"], first["original_language"]) == (
        "Nora Carver",
        "2002-05-20",
        "es",
    )


@pytest.mark.parametrize("size", [1, 10, 1_000_000])
def test_any_size_answers_its_first_and_last_movie_and_no_other(serve, size):
    client = serve(SIZE=size)
    for movie_id in (FIRST_ID, FIRST_ID + size - 1):
        assert movie(client, movie_id, append_to_response=APPENDED)["id"] == movie_id
    for movie_id in (FIRST_ID - 1, FIRST_ID + size):
        assert client.get(f"/3/movie/{movie_id}").status_code == 404
    popular = client.get("/3/movie/popular").json()
    assert popular["total_results"] == size
    assert len(popular["results"]) == min(size, 20)


def test_a_part_alone_equals_the_part_appended(steady):
    whole = movie(steady, FIRST_ID + 7, append_to_response=APPENDED)
    for part in APPENDED.split(","):
        alone = steady.get(f"/3/movie/{FIRST_ID + 7}/{part}").json()
        assert alone == {"id": FIRST_ID + 7} | whole[part]


def test_people_recur_and_know_their_movies(steady):
    appearances: Counter[int] = Counter()
    for movie_id in range(FIRST_ID, FIRST_ID + 100):
        told = steady.get(f"/3/movie/{movie_id}/credits").json()
        appearances.update(entry["id"] for entry in told["cast"])
    person_id, count = appearances.most_common(1)[0]
    assert count >= 3
    credited = steady.get(f"/3/person/{person_id}/movie_credits").json()["cast"]
    known = {entry["id"] for entry in credited if entry["id"] < FIRST_ID + 100}
    assert len(known) == count


def test_a_movie_untold_in_a_language_has_empty_texts_and_its_original_title(steady):
    untold = 0
    for movie_id in range(FIRST_ID, FIRST_ID + 60):
        told = movie(steady, movie_id, language="de-DE", append_to_response="translations")
        tongues = {t["iso_639_1"] for t in told["translations"]["translations"]}
        if "de" not in tongues:
            untold += 1
            assert (told["overview"], told["tagline"]) == ("", "")
            assert told["title"] == told["original_title"]
    assert untold > 5


def test_some_movies_lack_what_some_of_tmdbs_lack(steady):
    movies = [movie(steady, FIRST_ID + n) for n in range(400)]
    for name, empty in (("poster_path", None), ("imdb_id", None), ("runtime", 0), ("budget", 0)):
        share = sum(body[name] == empty for body in movies) / len(movies)
        assert 0.02 < share < 0.95, name
    assert any(body["release_date"] > "2026-06-15" for body in movies)
    assert any(body["adult"] for body in movies)


def test_a_collection_holds_the_movies_that_say_so(steady):
    movies = (movie(steady, FIRST_ID + n) for n in range(400))
    part = next(body for body in movies if body["belongs_to_collection"])
    collection = part["belongs_to_collection"]
    whole = steady.get(f"/3/collection/{collection['id']}").json()
    assert part["id"] in [entry["id"] for entry in whole["parts"]]
    assert whole["name"] == collection["name"]


def test_pictures_are_drawn_with_the_title(steady):
    base = steady.get("/3/configuration").json()["images"]["secure_base_url"]
    popular = steady.get("/3/movie/popular").json()["results"][0]
    picture = steady.get(f"{base}w500{popular['poster_path']}")
    assert picture.headers["content-type"] == "image/svg+xml"
    assert popular["title"].split()[0] in picture.text
    assert steady.get(f"{base}w500/p800000001v0.jpg").status_code == 404


def test_a_shuffle_reads_both_ways():
    for size in (1, 2, 7, 1000):
        shuffle = Shuffle(size, 3)
        places = [shuffle.place_of(value) for value in range(size)]
        assert sorted(places) == list(range(size))
        assert [shuffle.value_at(place) for place in places] == list(range(size))
