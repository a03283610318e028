"""`measure`: for ./marquee bench, what lists cost at the size that is here."""

import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import scipy.sparse as sp
import sqlalchemy as sa
from implicit.cpu.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from chassis.database import Database
from recommender.domain import Exploration, Preferences
from recommender.operations import lists
from recommender.operations.ahead import PEOPLE_AT_ONCE, prepare
from recommender.operations.lists import Person, Wanted
from recommender.operations.live import Live, Snapshot
from recommender.ranking.als import ALPHA, FACTORS, ITERATIONS, REGULARIZATION
from recommender.ranking.ranked import Wish, rank
from recommender.ranking.signals import training_weights
from recommender.settings import Settings
from recommender.store import tastes
from recommender.store.popularity import refresh_popularity
from recommender.tables import interaction
from recommender.wiring import database_of, live_of

_PEOPLE = 1_000
_WARM = 20
_TOP = 200


def measure(settings: Settings, rest: Sequence[str]) -> int:
    """Print one JSON object of figures, seconds and bytes; `als`: of implicit's ALS alone."""
    database = database_of(settings)
    alone = list(rest) == ["als"]
    figures = _als_alone(database) if alone else _of_lists(database, live_of(settings, database))
    sys.stdout.write(f"{json.dumps(figures)}\n")
    return 0


def _of_lists(database: Database, live: Live) -> dict[str, Any]:
    with database.begin(statement_timeout_seconds=900) as connection:
        refresh_popularity(connection, _now())
    snapshot = live.snapshot()
    with database.read() as connection:
        # Ids are spread evenly, so the first are anybody.
        found = sa.select(interaction.c.user_id).distinct().limit(_PEOPLE + _WARM)
        people = list(connection.execute(found).scalars())
    ranked = _spent(people, lambda user_id: _rank(database, snapshot, user_id))
    pages = _spent(people, lambda user_id: _page(database, snapshot, user_id))
    return {
        "model_version": snapshot.model_version,
        "movies": len(snapshot.ensemble),
        "candidates": len(snapshot.ensemble.candidates),
        "pss_bytes": _pss_bytes(),
        "ranking": ranked,
        "page": pages,
        "ahead": _ahead(database, snapshot, people[_WARM:]),
    }


def _rank(database: Database, snapshot: Snapshot, user_id: UUID) -> Callable[[], object]:
    person = _person(database, user_id)
    wish = Wish("hybrid", _TOP)
    return lambda: rank(snapshot.ensemble, lists.taste_in(snapshot, person, _now()), wish)


def _page(database: Database, snapshot: Snapshot, user_id: UUID) -> Callable[[], object]:
    def page() -> None:
        person, at = _person(database, user_id), _now()
        wanted = Wanted("", lists.Filter(), None)
        taste = lists.taste_in(snapshot, person, at)
        # Closed without a commit: nobody has been shown anything.
        with database.engine.connect() as connection:
            whole = lists.rank_list(connection, snapshot, person, taste, wanted, at, Exploration())
            places = range(min(20, len(whole.movie_ids)))
            shown = lists.page_of(connection, snapshot, person, taste, whole, places, at)
            lists.keep_served(connection, shown, whole=whole)

    return page


def _ahead(database: Database, snapshot: Snapshot, people: Sequence[UUID]) -> dict[str, float]:
    """Seconds that the job of lists made ahead takes a person, in whom it knows."""
    with database.begin() as connection:
        for user_id in people:
            tastes.keep_preferences(connection, user_id, Preferences())
    began, before = time.perf_counter(), time.process_time()
    with threadpool_limits(1):
        for start in range(0, len(people), PEOPLE_AT_ONCE):
            some = people[start : start + PEOPLE_AT_ONCE]
            prepare(database, snapshot, some, _now(), Exploration())
    spent = time.perf_counter() - began, time.process_time() - before
    return dict(zip(("clock", "cpu"), np.array(spent) / max(len(people), 1), strict=True))


def _person(database: Database, user_id: UUID) -> Person:
    with database.read() as connection:
        signals = tastes.signals_of(connection, user_id)
    return Person(user_id, signals, Preferences(), 0, fresh=True)


def _now() -> datetime:
    return datetime.now(UTC)


def _spent(people: Sequence[UUID], prepared: Callable[[UUID], Callable[[], object]]) -> Any:
    """Quantiles of seconds by the clock and of CPU, a person each; the first only warm up."""
    clock, cpu = [], []
    with threadpool_limits(1):
        for user_id in people:
            act = prepared(user_id)
            began, before = time.perf_counter(), time.thread_time()
            act()
            cpu.append(time.thread_time() - before)
            clock.append(time.perf_counter() - began)
    return {"clock": _quantiles(clock[_WARM:]), "cpu": _quantiles(cpu[_WARM:])}


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {"mean": 0.0, "p50": 0.0, "p99": 0.0}
    p50, p99 = np.quantile(values, [0.5, 0.99]).tolist()
    return {"mean": float(np.mean(values)), "p50": p50, "p99": p99}


def _pss_bytes() -> int:
    try:
        lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    except OSError:
        # Elsewhere the most that was ever resident stands for it.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _als_alone(database: Database) -> dict[str, Any]:
    with database.begin(statement_timeout_seconds=900) as connection:
        read = tastes.all_interactions(connection)
    people, rows = np.unique(read.users, return_inverse=True)
    movies, columns = np.unique(read.signals.movies, return_inverse=True)
    values = training_weights(read.signals)
    matrix = sp.csr_matrix((values, (rows, columns)), shape=(len(people), len(movies)))
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(
            factors=FACTORS, regularization=REGULARIZATION, alpha=ALPHA, iterations=ITERATIONS,
            num_threads=2, random_state=1,
        )  # fmt: skip
        before = time.process_time()
        model.fit(matrix.astype(np.float32), show_progress=False)
        fit = time.process_time() - before
        asked = np.arange(min(_PEOPLE, len(people)))
        before = time.process_time()
        for one in asked.tolist():
            model.recommend(one, matrix[one], N=_TOP)
        lists_seconds = (time.process_time() - before) / max(len(asked), 1)
    return {"fit": fit, "list": lists_seconds, "movies": len(movies), "people": len(people)}
