"""Imports read in the background, some rows a transaction, and what is left over swept."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from chassis.database import Database
from chassis.erasure import Tombstones
from chassis.jobs import Chore, Job, JobFunction, LeaseLost, Progress
from interactions.domain.exports import UnreadableExport, lines_of
from interactions.domain.imports import (
    QUEUED,
    ROWS_AT_ONCE,
    RUNNING,
    ImportMoved,
    Line,
    Row,
    unmatched,
)
from interactions.operations import access, applying, releases
from interactions.operations import imports as operations
from interactions.operations.matching import Matching
from interactions.store import access as known
from interactions.store import imports, movies
from marquee.users.v1 import users_pb2_grpc

CHORES = (
    Chore("tidy-imports", 600),
    Chore("tell-released", 3600),
    Chore("learn-disabled", 86400),
)

log = structlog.get_logger()


def job_functions(
    database: Database,
    matching: Matching,
    users: users_pb2_grpc.UsersServiceStub,
    tombstones: Tombstones,
    now: Callable[[], datetime],
) -> Mapping[str, JobFunction]:
    """What this service's workers do."""

    def read(job: Job, progress: Progress) -> dict[str, Any] | None:
        return _read(database, matching, now, UUID(job.payload["import_id"]), progress)

    def tidy(_job: Job, _progress: Progress) -> dict[str, Any]:
        with database.begin() as connection:
            return operations.tidy(connection, at=now())

    def tell(_job: Job, progress: Progress) -> dict[str, Any]:
        return _tell_released(database, now, progress)

    def learn(_job: Job, progress: Progress) -> dict[str, Any]:
        return _learn_disabled(database, users, tombstones, progress)

    return {
        operations.JOB: read,
        "tidy-imports": tidy,
        "tell-released": tell,
        "learn-disabled": learn,
    }


def _learn_disabled(
    database: Database,
    users: users_pb2_grpc.UsersServiceStub,
    tombstones: Tombstones,
    progress: Progress,
) -> dict[str, Any]:
    """Those disabled before anybody here listened, and whoever's last event went astray.

    Who was disabled here before users was asked, and is listed on no page, has been enabled.
    """
    with database.read() as connection:
        unlisted = known.disabled_here(connection)
    learned = 0
    for some in access.disabled_people(users):
        with database.begin() as connection:
            access.keep(connection, tombstones, some)
        for one in some:
            unlisted.pop(one.user_id, None)
        learned += len(some)
        progress.report(learned)
    with database.begin() as connection:
        known.enable(connection, unlisted.values())
    return {"disabled_count": learned}


def _tell_released(
    database: Database, now: Callable[[], datetime], progress: Progress
) -> dict[str, Any]:
    """Some people a transaction; whoever has been told is not told again by another run."""
    told = 0
    while True:
        with database.begin() as connection:
            some = releases.tell_released(connection, at=now())
        told += some
        progress.report(told)
        if some < releases.AT_ONCE:
            return {"told_count": told}


def _read(
    database: Database,
    matching: Matching,
    now: Callable[[], datetime],
    import_id: UUID,
    progress: Progress,
) -> dict[str, Any] | None:
    """Go on where the last run came to; every run reads the same rows in the same order."""
    with database.begin() as connection:
        found = imports.find(connection, import_id)
        if found is None or found.state not in (QUEUED, RUNNING):
            return None
        content = imports.content(connection, import_id)
    try:
        lines = lines_of(found.source, found.filename, content)
    except UnreadableExport as error:
        log.info("import cannot be read", import_id=str(import_id), error=str(error))
        with database.begin() as connection:
            operations.finish(connection, import_id, at=now(), error=str(error))
        return {"error": str(error)}
    with database.begin() as connection:
        imports.begin(connection, import_id, len(lines))
    for place in range(found.rows_count, len(lines), ROWS_AT_ONCE):
        progress.report(place, len(lines))
        some = _matched(database, matching, lines[place : place + ROWS_AT_ONCE], now())
        try:
            with database.begin() as connection:
                applying.apply(connection, import_id, some, place=place, at=now())
        except ImportMoved as error:
            raise LeaseLost from error
    with database.begin() as connection:
        operations.finish(connection, import_id, at=now())
    progress.report(len(lines), len(lines))
    log.info("import read", import_id=str(import_id), rows_count=len(lines))
    return {"rows_count": len(lines)}


def _matched(
    database: Database, matching: Matching, lines: Sequence[Line], at: datetime
) -> list[Line]:
    """Rows with their movie's id, which is known here from now on; or with why there is none."""
    rows = [line for line in lines if isinstance(line, Row)]
    answers = iter(matching.match([row.clue for row in rows]))
    found = [_with_movie(line, answers) if isinstance(line, Row) else line for line in lines]
    movie_ids = sorted({line.clue.movie_id for line in found if isinstance(line, Row)})
    with database.begin() as connection:
        unknown = set(movie_ids) - movies.all_ids(connection, movie_ids)
        for movie in matching.movies(sorted(unknown)):
            movies.learn_movie(connection, movie, at=at)
    return found


def _with_movie(row: Row, answers: Iterator[tuple[int, int]]) -> Line:
    movie_id, candidates_count = next(answers)
    if not movie_id:
        return unmatched(row, candidates_count)
    return replace(row, clue=replace(row.clue, movie_id=movie_id))
