"""Movies' answers made beforehand: bytes in files, given as they are while they are still true."""

import mmap
import os
from datetime import UTC, date, datetime
from pathlib import Path

import orjson
from pydantic import BaseModel, Field, ValidationError

from tmdb_standin import movie_answers
from tmdb_standin.asked import Asked, query_of
from tmdb_standin.errors import Refused
from tmdb_standin.faults import Faults
from tmdb_standin.settings import Settings
from tmdb_standin.values import whole
from tmdb_standin.vocabulary import FIRST_ID
from tmdb_standin.world import World

OFFSET_BYTES = 8
_MANIFEST, _MOVIE = "manifest.json", "/3/movie/"


class Unfit(Exception):
    """Answers that this stand-in would not give, or settings that nothing can be prepared with."""


class Manifest(BaseModel):
    """What answers were prepared for; written last, so that there is none beside half of them."""

    query: str
    day: date
    """In UTC: votes grow with each day."""
    size: int
    seed: int
    epoch: date
    movies_per_file: int = Field(ge=1)

    @property
    def files(self) -> int:
        """How many files the bodies are in."""
        return -(-self.size // self.movies_per_file)

    def movies_in(self, number: int) -> int:
        """How many movies' bodies are in a file."""
        return min(self.movies_per_file, self.size - number * self.movies_per_file)

    def unfit_for(self, settings: Settings) -> str:
        """Names of the settings that it was made with others of, if any."""
        names = ("size", "seed", "epoch")
        return ", ".join(n for n in names if getattr(self, n) != getattr(settings, n))


def manifest_path(folder: Path) -> Path:
    """Where a folder's manifest is."""
    return folder / _MANIFEST


def bodies_path(folder: Path, number: int) -> Path:
    """Bodies of a range of movies, one after the other."""
    return folder / f"{number}.bodies"


def offsets_path(folder: Path, number: int) -> Path:
    """Where each of those bodies begins, and where the last one ends; in the machine's order."""
    return folder / f"{number}.offsets"


def require_steady(settings: Settings) -> None:
    """Refuse daily edits: a movie that changes during the day has no answer for all of it."""
    if settings.daily_edits:
        raise Unfit("STANDIN_DAILY_EDITS: prepared answers need 0")


class Prepared:
    """The answers in a folder, for the world they were made from."""

    def __init__(self, folder: Path, world: World) -> None:
        self._world = world
        self._manifest = _read(folder)
        if names := self._manifest.unfit_for(world.settings):
            raise Unfit(f"{folder}: prepared with other settings ({names})")
        require_steady(world.settings)
        files = [_opened(folder, number, self._manifest) for number in range(self._manifest.files)]
        self._offsets = [offsets for offsets, _ in files]
        self._bodies = [bodies for _, bodies in files]
        self._require_same_code(folder)

    def body(self, path: str, query: str) -> bytes | None:
        """What was prepared for this request, if that is what would be answered now."""
        index = self._index(path)
        return None if index is None or not self._holds(query) else self._read(index)

    def _read(self, index: int) -> bytes:
        number, at = divmod(index, self._manifest.movies_per_file)
        first, end = self._offsets[number][at : at + 2]
        return os.pread(self._bodies[number], end - first, first)

    def _require_same_code(self, folder: Path) -> None:
        """Refuse what another version of the stand-in made: the first movie of each file tells."""
        manifest = self._manifest
        world = World(self._world.settings.model_copy(update={"faults": Faults()}))
        at = datetime.combine(manifest.day, datetime.min.time(), UTC)
        for index in range(0, manifest.size, manifest.movies_per_file):
            try:
                same = invented(world, manifest.query, at, index) == self._read(index)
            except Refused:
                same = False
            if not same:
                raise Unfit(f"{folder}: another version of the stand-in made that; prepare anew")

    def _index(self, path: str) -> int | None:
        movie_id = whole(path.removeprefix(_MOVIE))
        return None if movie_id is None else self._world.catalogue.index_of(movie_id)

    def _holds(self, query: str) -> bool:
        world, manifest = self._world, self._manifest
        return (
            query == manifest.query
            and not world.faults.alters_movies
            and world.revisions.are_scheduled
            and world.clock.today() == manifest.day
        )


def _read(folder: Path) -> Manifest:
    try:
        return Manifest.model_validate_json(manifest_path(folder).read_bytes())
    except OSError as error:
        raise Unfit(f"{folder}: nothing is prepared there, or not all ({error.strerror})") from None
    except ValidationError:
        raise Unfit(f"{manifest_path(folder)}: not a manifest of this version") from None


def invented(world: World, query: str, at: datetime, index: int) -> bytes:
    """What /3/movie/{id}?query answers at a moment about the movie at an index."""
    asked = Asked(("movie", str(FIRST_ID + index)), query_of(query), "", at)
    return orjson.dumps(movie_answers.movie(world, asked))


def _opened(folder: Path, number: int, manifest: Manifest) -> tuple[memoryview, int]:
    """Offsets and bodies of a range of movies, if they belong together and are whole."""
    try:
        offsets = _mapped(offsets_path(folder, number))
        bodies = os.open(bodies_path(folder, number), os.O_RDONLY)
    except OSError as error:
        raise Unfit(f"{error.filename}: {error.strerror}") from None
    except (TypeError, ValueError):
        raise Unfit(f"{offsets_path(folder, number)}: not whole; prepare anew") from None
    if len(offsets) != manifest.movies_in(number) + 1:
        raise Unfit(f"{offsets_path(folder, number)}: not of as many movies; prepare anew")
    if offsets[0] or offsets[-1] != os.fstat(bodies).st_size:
        raise Unfit(f"{bodies_path(folder, number)}: not whole; prepare anew")
    return offsets, bodies


def _mapped(path: Path) -> memoryview:
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)).cast("Q")
