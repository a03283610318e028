"""What this process ranks with now: the live model and the catalogue, followed as they change."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import structlog
from sqlalchemy.engine import Connection

from chassis.database import Database
from recommender.ranking.arrays import Floats, Ints, settle, spread
from recommender.ranking.arrivals import extended
from recommender.ranking.catalogue import catalogue_from
from recommender.ranking.ensemble import Ensemble, Model
from recommender.ranking.shelf import Shelf, empty_shelf
from recommender.ranking.training import plain_model
from recommender.store import models, movies
from recommender.store.artefacts import ArtefactDamaged, Artefacts
from recommender.store.popularity import popularity

log = structlog.get_logger()

POLL_SECONDS = 0.5
POPULARITY_SECONDS = 5.0
STORE_SECONDS = 5.0
# How long all else waits for a model that is on its way from the store.
PATIENCE_SECONDS = 20.0
# Rebuilding may take at most this share of the time.
_BUSY_SHARE = 0.1
# How much one point of TMDb popularity counts beside one person of ours.
_WORLD_SHARE = 0.02
# The parts of a model that anybody's list is read from.
_READ_OFTEN = ("ease.", "sequence.", "neighbours.")


@dataclass(frozen=True)
class Snapshot:
    """Everything one answer is ranked with; never changed, only replaced."""

    ensemble: Ensemble
    shelf: Shelf
    """The catalogue in the ensemble's order."""
    catalogue: Shelf
    """All that is known of movies, also of those that the ensemble does not have."""
    model_version: str
    genre_names: dict[int, str]

    @property
    def degraded(self) -> bool:
        """Whether there is no trained model."""
        return not self.model_version


class Live:
    """Holds the newest snapshot; a request takes it once and is not disturbed by the next."""

    def __init__(
        self,
        database: Database,
        artefacts: Artefacts,
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float],
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._database = database
        self._artefacts = artefacts
        self._now = now
        self._clock = clock
        self._patience_seconds = patience_seconds
        self._catalogue = empty_shelf()
        self._since = 0
        self._base: Model | None = None
        self._version = ""
        self._refused = ""
        self._loading: _Loading | None = None
        self._store_at = 0.0
        self._dirty = False
        self._rebuild_at = 0.0
        self._popularity_at = 0.0
        self._snapshot: Snapshot | None = None
        self._refreshing = threading.Lock()

    @property
    def ready(self) -> bool:
        """Whether the catalogue has been read once."""
        return self._snapshot is not None

    def snapshot(self) -> Snapshot:
        """What to rank with; the first caller of a new process waits for it to be made."""
        return self._snapshot or self.refresh()

    def run(self, stop: threading.Event) -> None:
        """Follow until `stop`; a database that is away leaves the last snapshot in place."""
        while not stop.wait(POLL_SECONDS):
            try:
                self.refresh()
            except Exception as error:  # noqa: BLE001 - the last snapshot goes on answering
                log.warning("the live model was not refreshed", error=repr(error))

    def refresh(self) -> Snapshot:
        """Look at what changed, and replace the snapshot if something did."""
        with self._refreshing:
            # Without a transaction: a store may let us wait.
            self._follow_model()
            with self._database.begin(statement_timeout_seconds=120) as connection:
                self._follow_catalogue(connection)
                self._snapshot = self._refreshed(connection)
            return self._snapshot

    def _refreshed(self, connection: Connection) -> Snapshot:
        """The snapshot as it has to be now; what it lacks of what was followed is seen by itself,
        so that nothing is lost when this fails and is done again."""
        snapshot = self._snapshot
        if snapshot is None or snapshot.model_version != self._version:
            return self._rebuilt(connection)
        if self._dirty and self._clock() >= self._rebuild_at:
            return self._rebuilt(connection)
        if self._clock() >= self._popularity_at:
            snapshot = self._with_popularity(connection, snapshot)
        names = movies.genre_names(connection)
        return snapshot if names == snapshot.genre_names else replace(snapshot, genre_names=names)

    def _follow_catalogue(self, connection: Connection) -> None:
        upto = movies.horizon(connection)
        for rows in movies.movies_changed(connection, self._since):
            self._catalogue = self._catalogue.with_rows(rows)
            self._dirty = True
        self._since = upto
        snapshot = self._snapshot
        if snapshot is not None and snapshot.catalogue is not self._catalogue:
            # What is removed or adult must count at once; new movies can wait their turn.
            shelf = self._catalogue.aligned(snapshot.ensemble.movie_ids)
            self._snapshot = replace(snapshot, shelf=shelf, catalogue=self._catalogue)

    def _follow_model(self) -> None:
        """Load the live model if it is another than ours; while it cannot be had the last one
        stays, or in a new process one that was live before and can."""
        with self._database.read() as connection:
            row = models.live_model(connection)
            if row is None or row.model_version in {self._version, self._refused}:
                return
            others = models.previous_models(connection) if self._base is None else ()
        if self._loading is None and self._clock() >= self._store_at:
            self._loading = _Loading(self._artefacts, [row, *others])
            self._loading.ended(self._patience_seconds)
        if self._loading is None or not self._loading.ended(0):
            return
        loaded, self._loading = self._loading, None
        # Unless another has become the live one meanwhile.
        if loaded.wanted == row.model_version:
            self._take(loaded)

    def _take(self, loaded: "_Loading") -> None:
        if loaded.away:
            self._store_at = self._clock() + STORE_SECONDS
        elif loaded.damaged:
            self._refused = loaded.wanted
        if loaded.model is not None:
            self._base, self._version = loaded.model, loaded.version
            log.info("model loaded", model=self._version)

    def _rebuilt(self, connection: Connection) -> Snapshot:
        started = self._clock()
        ensemble = Ensemble(self._model(connection))
        snapshot = Snapshot(
            ensemble=ensemble,
            shelf=self._catalogue.aligned(ensemble.movie_ids),
            catalogue=self._catalogue,
            model_version=self._version,
            genre_names=movies.genre_names(connection),
        )
        snapshot = self._with_popularity(connection, snapshot)
        snapshot = replace(snapshot, ensemble=snapshot.ensemble.focused())
        settle(ensemble.model.arrays, _READ_OFTEN)
        ended = self._clock()
        self._dirty = False
        self._rebuild_at = ended + (ended - started) / _BUSY_SHARE
        return snapshot

    def _model(self, connection: Connection) -> Model:
        """The trained model with the movies that came after it, or one from the catalogue alone."""
        if self._base is None:
            catalogue = catalogue_from(movies.documents(connection))
            nothing = np.zeros(len(catalogue), np.float32)
            return plain_model(catalogue, nothing, nothing)
        standing = self._catalogue.movie_ids[~self._catalogue.removed]
        new = np.setdiff1d(standing, self._base.arrays["movies.ids"])
        if not len(new):
            return self._base
        described = list(movies.documents(connection, new.tolist()))
        ids = np.array([movie_id for movie_id, _ in described], np.int64)
        return extended(self._base, ids, [terms for _, terms in described])

    def _with_popularity(self, connection: Connection, snapshot: Snapshot) -> Snapshot:
        self._popularity_at = self._clock() + POPULARITY_SECONDS
        found = popularity(connection, self._now())
        ensemble = snapshot.ensemble
        places = ensemble.positions(found.movie_ids)
        world = _WORLD_SHARE * snapshot.shelf.popularity
        counts = world + _put(found.counts, places, len(ensemble))
        recent = _put(found.recent, places, len(ensemble))
        if self._base is not None:
            # Only people here make a trend: where they are quiet, what the world likes would be
            # all there is of it, and blown up to the size of one.
            return replace(snapshot, ensemble=ensemble.with_popularity(counts, recent))
        # Nobody may have met anything yet, and fractions of a person are in proportion to fame
        # itself: a few movies everybody knows would leave nothing else to count.
        recent += 0.1 * world
        ensemble = ensemble.with_popularity(counts, recent, unit=_WORLD_SHARE)
        return replace(snapshot, ensemble=ensemble)


def _put(values: Floats, places: Ints, size: int) -> Floats:
    known = places >= 0
    return spread(values[known], places[known], size)


class _Loading:
    """A model on its way from the store, which may take its time: the first of some, or else the
    next that can be had."""

    def __init__(self, artefacts: Artefacts, rows: Sequence[Any]) -> None:
        self.wanted: str = rows[0].model_version
        self.damaged = self.away = False
        self.version = ""
        self.model: Model | None = None
        self._thread = threading.Thread(target=self._run, args=(artefacts, rows), daemon=True)
        self._thread.start()

    def ended(self, seconds: float) -> bool:
        """Whether it has come to an end within this time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self, artefacts: Artefacts, rows: Sequence[Any]) -> None:
        for row in rows:
            version = row.model_version
            try:
                self.model = artefacts.read(version, row.artefacts, row.meta)
            except (ArtefactDamaged, ValueError) as error:
                log.warning("a model is refused", model=version, error=repr(error))
                self.damaged = True
            except OSError as error:
                log.warning("the store of models is away", model=version, error=repr(error))
                self.away = True
            except Exception:
                # Nobody foresaw this one, so it will hardly go away by being tried again.
                log.exception("a model cannot be loaded", model=version)
                self.damaged = True
            else:
                self.version = version
                return
