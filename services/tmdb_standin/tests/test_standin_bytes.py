"""The same seed, size and moment give the same bytes, in every version of the stand-in."""

import hashlib
from collections.abc import Iterator

import pytest

from tmdb_standin.movie_answers import PARTS

FIRST_ID = 900_000_001
APPENDED = ",".join(PARTS)
ASKED = 60


def paths(size: int) -> Iterator[str]:
    """Movies spread over the catalogue with all their parts, and people and lists beside them."""
    step = max(1, size // ASKED)
    for number, movie_id in enumerate(range(FIRST_ID, FIRST_ID + size, step)):
        language = ("en-US", "de-DE", "ja-JP")[number % 3]
        yield f"/3/movie/{movie_id}?append_to_response={APPENDED}&language={language}"
        yield f"/3/collection/{FIRST_ID + number}"
    for movie_id in range(FIRST_ID, FIRST_ID + size, 20 * step):
        yield from (f"/3/movie/{movie_id}/{part}" for part in PARTS)
        yield f"/3/person/{movie_id}?append_to_response=movie_credits,external_ids,images"
    yield "/3/movie/popular"
    yield "/3/movie/changes"


@pytest.mark.parametrize(
    ("seed", "size", "digest"),
    [
        (1, 1, "ae16ece477dcf773"),
        (1, 400, "c6eabb2be57ee3be"),
        (2, 5_000, "f50a1f1382383a97"),
        (1, 1_000_000, "70b9cfcd2860b492"),
        (3, 20_000_000, "74724ec350a1bc2e"),
    ],
)
def test_answers_are_to_the_byte_what_they_were(serve, seed, size, digest):
    client = serve(SEED=seed, SIZE=size)
    bodies = hashlib.sha256()
    for path in paths(size):
        bodies.update(client.get(path).content)
    assert bodies.hexdigest()[:16] == digest
