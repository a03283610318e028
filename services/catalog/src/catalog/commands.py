"""python -m catalog sync: run a stage by hand, ask for one, or see how it stands."""

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from catalog.domain.movies import BATCH_LIMIT
from catalog.domain.sync import ALL_STAGES, MOVIES_STAGE, STAGES
from catalog.jobs import Run, Sync, run_stage
from catalog.operations.requesting import request_sync
from catalog.settings import Settings
from catalog.store import items, quarantines, runs
from catalog.tmdb.errors import BadAnswer, SourceError
from catalog.wiring.sync import sync_context
from chassis.database import refusal_of, uuid7
from chassis.errors import Refusal

_REPORT_SECONDS = 0.5
_SHOWN_RUNS = 10
_LARGEST_ID = 2**63 - 1
_MOST_DAYS = 36_500
_FAILED, _INTERRUPTED = 1, 130
_OF_STAGES = {
    "ids": (MOVIES_STAGE,),
    "older_than_days": ("refresh",),
    "accept_shrinkage": ("census", ALL_STAGES),
    "json": ("status",),
}
"""Options that mean nothing to other stages than these."""


def sync(settings: Settings, arguments: list[str]) -> int:
    """The command; answers the exit code."""
    asked = _asked(arguments)
    context = sync_context(settings)
    try:
        if asked.stage == "status":
            return _status(context, as_json=asked.json)
        if asked.background:
            return _request(context, asked)
        return _run(context, asked)
    except Refusal as refusal:
        return _complain(refusal.detail)
    except (SourceError, BadAnswer) as error:
        return _complain(str(error))
    except SQLAlchemyError as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        return _complain(refusal.detail)
    except KeyboardInterrupt:
        return _INTERRUPTED
    finally:
        context.database.dispose()


def _asked(arguments: list[str]) -> argparse.Namespace:
    """What somebody wants; what would be passed over in silence is refused."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    for name, stages in _OF_STAGES.items():
        if getattr(asked, name) != parser.get_default(name) and asked.stage not in stages:
            parser.error(f"--{name.replace('_', '-')} is for {' and '.join(stages)} alone")
    if asked.stage == MOVIES_STAGE and not asked.ids:
        parser.error("movies: --ids is needed")
    if asked.stage == "status" and asked.background:
        parser.error("--background is for stages alone")
    if asked.request_id and not asked.background:
        parser.error("--request-id needs --background")
    return asked


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m catalog sync")
    parser.add_argument("stage", choices=[*STAGES, ALL_STAGES, MOVIES_STAGE, "status"])
    parser.add_argument("--background", action="store_true", help="have a worker do it")
    parser.add_argument(
        "--request-id", default="", help="with --background: the same id is the same run"
    )
    parser.add_argument("--ids", type=_ids, default=[], help="for movies: 550,603")
    parser.add_argument(
        "--older-than-days", type=_days, help="for refresh: everything older, without a limit"
    )
    parser.add_argument(
        "--accept-shrinkage",
        action="store_true",
        help="for census: believe it, though it names far fewer movies than the last",
    )
    parser.add_argument("--json", action="store_true", help="for status")
    return parser


def _ids(text: str) -> list[int]:
    movie_ids = [int(part) for part in text.split(",") if part.strip()]
    if not 0 < len(movie_ids) <= BATCH_LIMIT or not all(
        0 < one <= _LARGEST_ID for one in movie_ids
    ):
        raise argparse.ArgumentTypeError(f"1 to {BATCH_LIMIT} positive ids, separated by commas")
    return movie_ids


def _days(text: str) -> float:
    days = float(text)
    if not abs(days) <= _MOST_DAYS:
        raise argparse.ArgumentTypeError(f"at most {_MOST_DAYS} days")
    return days


def _complain(message: str) -> int:
    print(f"catalog sync: {message}", file=sys.stderr)
    return _FAILED


def _request(context: Sync, asked: argparse.Namespace) -> int:
    with context.database.begin() as connection:
        row = request_sync(
            connection,
            stage=asked.stage,
            source=context.source,
            request_id=asked.request_id,
            movie_ids=asked.ids,
            parameters=_parameters(asked),
        )
    print(row["sync_run_id"])
    return 0


def _run(context: Sync, asked: argparse.Namespace) -> int:
    parameters = _parameters(asked)
    if asked.ids:
        parameters["movie_ids"] = asked.ids
    run_id = uuid7()
    with context.database.begin() as connection:
        runs.create(
            connection,
            run_id=run_id,
            stage=asked.stage,
            source=context.source,
            request_id=None,
            parameters=parameters,
        )
    line = _ProgressLine()
    try:
        run_stage(context, run_id, asked.stage, parameters, line.show, wait=True)
    finally:
        line.end()
    return 0


def _parameters(asked: argparse.Namespace) -> dict[str, Any]:
    """What a stage is told, whoever runs it."""
    parameters: dict[str, Any] = {}
    if asked.older_than_days is not None:
        parameters["older_than_days"] = asked.older_than_days
    if asked.accept_shrinkage:
        parameters["accept_shrinkage"] = True
    return parameters


class _ProgressLine:
    """One line on standard error: rewritten on a terminal, a new one each time otherwise."""

    def __init__(self) -> None:
        self._shown_at = 0.0
        self._last: Run | None = None

    def show(self, run: Run) -> None:
        self._last = run
        now = time.monotonic()
        if now - self._shown_at >= _REPORT_SECONDS:
            self._shown_at = now
            self._write(run)

    def end(self) -> None:
        if self._last is not None:
            self._write(self._last)
            if sys.stderr.isatty():
                sys.stderr.write("\n")

    def _write(self, run: Run) -> None:
        remaining = run.remaining_count if run.remaining_count >= 0 else "?"
        text = (
            f"{run.stage_now}: done {run.done_count}, changed {run.changed_count},"
            f" remaining {remaining}, {run.rate:.0f}/s, quarantined {run.quarantined_count}"
        )
        sys.stderr.write(f"\r\x1b[K{text}" if sys.stderr.isatty() else f"{text}\n")
        sys.stderr.flush()


def _status(context: Sync, *, as_json: bool) -> int:
    with context.database.begin() as connection:
        shown = [_shown(row) for row in runs.newest(connection, _SHOWN_RUNS)]
        status: dict[str, Any] = {
            "source": context.source,
            "runs": shown,
            "movies": items.state_counts(connection, context.source),
            "watermarks": items.watermarks(connection, context.source),
            "quarantine": quarantines.counts(connection, context.source),
        }
    if as_json:
        print(json.dumps(status))
        return 0
    print(f"source {status['source']}")
    for name in ("movies", "watermarks", "quarantine"):
        pairs = ", ".join(f"{key} {value}" for key, value in sorted(status[name].items()))
        print(f"{name}: {pairs or 'none'}")
    for run in shown:
        print(
            f"{run['sync_run_id']} {run['stage']:9} {run['state']:8} done {run['done_count']}"
            f" changed {run['changed_count']} remaining {run['remaining_count']}"
            f" {run['rate']}/s {run['error']}"
        )
        if run["unknown_fields"]:
            print(f"  new fields: {', '.join(sorted(run['unknown_fields']))}")
    return 0


def _shown(row: Any) -> dict[str, Any]:
    started, ended = row["started_at"], row["finished_at"] or datetime.now(UTC)
    seconds = (ended - started).total_seconds() if started else 0.0
    return {
        "sync_run_id": str(row["sync_run_id"]),
        "stage": row["stage"],
        "state": row["state"],
        "started_at": started.isoformat() if started else None,
        "finished_at": row["finished_at"].isoformat() if row["finished_at"] else None,
        "done_count": row["done_count"],
        "remaining_count": row["remaining_count"],
        "changed_count": row["changed_count"],
        "quarantined_count": row["quarantined_count"],
        "requests_count": row["requests_count"],
        "rate": round(row["done_count"] / seconds, 1) if seconds > 0 else 0.0,
        "error": row["error"],
        "unknown_fields": row["unknown_fields"],
    }
