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
    ("seed", "size", "edits", "digest"),
    [
        (1, 1, 0.006, "ae16ece477dcf773"),
        (1, 400, 0.006, "14af83f10dbab4bf"),
        (2, 5_000, 0, "7534be190b7145c4"),
        (2, 5_000, 0.006, "4af21fcd9fdde7aa"),
        (1, 1_000_000, 0.006, "12a00d9387c0e003"),
        (3, 20_000_000, 0.006, "87ce6591408e5c8a"),
    ],
)
def test_answers_are_to_the_byte_what_they_were(serve, seed, size, edits, digest):
    client = serve(SEED=seed, SIZE=size, DAILY_EDITS=edits)
    bodies = hashlib.sha256()
    for path in paths(size):
        bodies.update(client.get(path).content)
    assert bodies.hexdigest()[:16] == digest
