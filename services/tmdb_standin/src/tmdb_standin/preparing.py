"""Making movies' answers beforehand, on all cores, without ever holding them in memory."""

import logging
import os
from collections.abc import Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from datetime import datetime
from pathlib import Path
from struct import pack

from tmdb_standin.asked import query_of
from tmdb_standin.errors import Refused
from tmdb_standin.faults import Faults
from tmdb_standin.prepared import (
    OFFSET_BYTES,
    Manifest,
    Unfit,
    bodies_path,
    invented,
    manifest_path,
    offsets_path,
    require_steady,
)
from tmdb_standin.settings import Settings
from tmdb_standin.world import World

_PROGRESS_SECONDS = 10.0
_BUFFER_BYTES = 1 << 20

log = logging.getLogger(__name__)


def prepare(settings: Settings, folder: Path, query: str) -> None:
    """Write what /3/movie/{id}?query answers about every movie today, where no fault is on."""
    require_steady(settings)
    if "api_key" in query_of(query):
        raise Unfit("a key is nothing to keep: without api_key")
    settings = settings.model_copy(update={"faults": Faults()})
    world = World(settings)
    at = world.clock.now()
    _require_answer(world, query, at)
    manifest = _manifest(settings, query, at)
    folder.mkdir(parents=True, exist_ok=True)
    manifest_path(folder).unlink(missing_ok=True)
    _write_all(settings, folder, manifest, at)
    manifest_path(folder).write_text(manifest.model_dump_json())
    log.info("prepared %s movies", settings.size)


def _manifest(settings: Settings, query: str, at: datetime) -> Manifest:
    return Manifest(
        query=query,
        day=at.date(),
        size=settings.size,
        seed=settings.seed,
        epoch=settings.epoch,
        movies_per_file=-(-settings.size // (os.cpu_count() or 1)),
    )


def _require_answer(world: World, query: str, at: datetime) -> None:
    try:
        invented(world, query, at, 0)
    except Refused as refusal:
        raise Unfit(f"{query}: refused with {refusal.status}: {refusal}") from None


def _write_all(settings: Settings, folder: Path, manifest: Manifest, at: datetime) -> None:
    with ProcessPoolExecutor(manifest.files) as pool:
        writing = [
            pool.submit(_write, settings, folder, manifest, at, number)
            for number in range(manifest.files)
        ]
        for written in _written(writing, folder):
            log.info("%s of %s movies", written, settings.size)
        for future in writing:
            future.result()


def _written(writing: list[Future[None]], folder: Path) -> Iterator[int]:
    """Now and then until all is done: how many movies are in the files."""
    while wait(writing, _PROGRESS_SECONDS, FIRST_EXCEPTION).not_done:
        if any(future.done() and future.exception() for future in writing):
            return
        paths = (offsets_path(folder, number) for number in range(len(writing)))
        yield sum(path.stat().st_size // OFFSET_BYTES for path in paths if path.exists())


def _write(settings: Settings, folder: Path, manifest: Manifest, at: datetime, number: int) -> None:
    world, end = World(settings), 0
    first = number * manifest.movies_per_file
    with (
        bodies_path(folder, number).open("wb", _BUFFER_BYTES) as bodies,
        offsets_path(folder, number).open("wb") as offsets,
    ):
        offsets.write(pack("Q", end))
        for index in range(first, first + manifest.movies_in(number)):
            end += bodies.write(invented(world, manifest.query, at, index))
            offsets.write(pack("Q", end))
        # Else the disk would still be at it when someone measures.
        bodies.flush()
        os.fsync(bodies.fileno())
