"""Movies' answers made beforehand: bytes in files, given as they are while they are still true."""

import mmap
import os
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ValidationError

from tmdb_standin.settings import Settings
from tmdb_standin.values import whole
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
    movies_per_file: int

    @property
    def files(self) -> int:
        """How many files the bodies are in."""
        return -(-self.size // self.movies_per_file)

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
        numbers = range(self._manifest.files)
        self._offsets = [_mapped(offsets_path(folder, number)) for number in numbers]
        self._bodies = [os.open(bodies_path(folder, number), os.O_RDONLY) for number in numbers]

    def body(self, path: str, query: str) -> bytes | None:
        """What was prepared for this request, if that is what would be answered now."""
        index = self._index(path)
        if index is None or not self._holds(query):
            return None
        number, at = divmod(index, self._manifest.movies_per_file)
        first, end = self._offsets[number][at : at + 2]
        return os.pread(self._bodies[number], end - first, first)

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


def _mapped(path: Path) -> memoryview:
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)).cast("Q")
