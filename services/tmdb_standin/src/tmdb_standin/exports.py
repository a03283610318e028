"""Daily id exports: gzip JSON lines, made while they are sent and kept once complete."""

import re
import tempfile
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from datetime import date, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import Any

import orjson

from tmdb_standin.faultbox import Chosen
from tmdb_standin.text import Storyteller
from tmdb_standin.vocabulary import FIRST_ID, vocabulary
from tmdb_standin.world import World

PATH = re.compile(r"^(\w+)_ids_(\d\d)_(\d\d)_(\d{4})\.json\.gz$")
LINES_PER_CHUNK = 500
KEPT_DAYS = 90
FILE_CHUNK = 1 << 16


def _movies(world: World, gone: Chosen, *, adult: bool) -> Iterator[dict[str, Any]]:
    catalogue, stories, details = world.catalogue, world.stories, world.details
    for index in range(catalogue.size):
        movie = catalogue.outline(index)
        if movie.adult is adult and movie.movie_id not in gone:
            yield {
                "adult": movie.adult,
                "id": movie.movie_id,
                "original_title": stories.original_title(movie),
                "popularity": movie.popularity,
                "video": details.is_video(movie),
            }


def _people(world: World) -> Iterator[dict[str, Any]]:
    for number in range(world.people.size):
        card = world.people.card(number)
        yield {name: card[name] for name in ("adult", "id", "name", "popularity")}


def _collections(world: World) -> Iterator[dict[str, Any]]:
    stories: Storyteller = world.stories
    for collection_id in world.details.collection_ids():
        if world.catalogue.collection_places(collection_id - FIRST_ID):
            yield {"id": collection_id, "name": stories.collection_name(collection_id - FIRST_ID)}


def _keywords() -> Iterator[dict[str, Any]]:
    for name, keyword in vocabulary().keyword_ids.items():
        yield {"id": keyword, "name": name}


KINDS: dict[str, Callable[[World, Chosen], Iterator[dict[str, Any]]]] = {
    "movie": lambda world, gone: _movies(world, gone, adult=False),
    "adult_movie": lambda world, gone: _movies(world, gone, adult=True),
    "person": lambda world, _gone: _people(world),
    "collection": lambda world, _gone: _collections(world),
    "keyword": lambda _world, _gone: _keywords(),
}


def _batches(lines: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    while batch := list(islice(lines, LINES_PER_CHUNK)):
        yield b"".join(orjson.dumps(line) + b"\n" for line in batch)


def _pack(batches: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    for batch in batches:
        yield packer.compress(batch)
    yield packer.flush()


class Exports:
    """The export files of one world."""

    def __init__(self, world: World, folder: Path | None) -> None:
        self._world = world
        self._temporary = None if folder else tempfile.TemporaryDirectory(prefix="tmdb-standin-")
        self._folder = folder or Path(self._temporary.name if self._temporary else ".")
        self._folder.mkdir(parents=True, exist_ok=True)

    def find(self, file_name: str, today: date) -> str | None:
        """The kind of export behind a file name, if that day's file exists."""
        match = PATH.match(file_name)
        if match is None or match[1] not in KINDS:
            return None
        try:
            day = date(int(match[4]), int(match[2]), int(match[3]))
        except ValueError:
            return None
        return match[1] if today - timedelta(days=KEPT_DAYS) <= day <= today else None

    async def chunks(self, kind: str) -> AsyncIterator[bytes]:
        """The file as of now, piece by piece; made now unless it was made before."""
        gone = self._world.faults.deleted
        batches = _batches(KINDS[kind](self._world, gone))
        first = next(batches, b"")
        kept = self._folder / self._name(kind, gone, first)
        pieces = self._read(kept) if kept.exists() else self._make(chain([first], batches), kept)
        for piece in pieces:
            yield piece

    def _name(self, kind: str, gone: Chosen, first: bytes) -> str:
        """The same content has the same name, whatever the day; other code, other first lines."""
        settings = self._world.settings
        content = (settings.seed, settings.size, settings.epoch.isoformat(),
                   gone.rate, sorted(gone.named))  # fmt: skip
        return f"{kind}-{zlib.crc32(first, zlib.crc32(orjson.dumps(content))):08x}.json.gz"

    def _read(self, kept: Path) -> Iterator[bytes]:
        with kept.open("rb") as file:
            while piece := file.read(FILE_CHUNK):
                yield piece

    def _make(self, batches: Iterable[bytes], kept: Path) -> Iterator[bytes]:
        with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
            making = Path(file.name)
            try:
                for piece in _pack(batches):
                    file.write(piece)
                    yield piece
                file.flush()
                making.replace(kept)
            finally:
                making.unlink(missing_ok=True)
