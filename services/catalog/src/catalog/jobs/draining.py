"""Emptying a queue: claim, fetch and write batches, fetching ahead while the writer writes."""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial

import structlog
from sqlalchemy import exc
from sqlalchemy.engine import Connection

from catalog.jobs.fetching import Fetched, Fetcher, fetching
from catalog.jobs.running import Run, Sync, patiently
from catalog.operations import loading
from catalog.store import items, quarantines, runs, upkeep
from catalog.store.familiar import Familiar
from catalog.tmdb.errors import SourceUnavailable
from catalog.tmdb.parsing import PARSER_VERSION

_AHEAD = 3
"""Batches at once: one is written while the next is made ready and another is fetched. Bounds
memory, and stops claiming when the writer is the slower one."""
_RECOUNT_EVERY = 40
_MANY = 100
_A_VOID = 20
_UPKEEP_SECONDS = 600

log = structlog.get_logger()

# Classes of SQLSTATE that blame the record: data, constraints, limits. All others blame us.
_RECORDS_FAULT = ("22", "23", "54")


# What was fetched, and what of writing it could be done at once.
_Batch = tuple[list[Fetched], loading.Ready | None]


def drain(sync: Sync, run: Run, wanted: items.Wanted, limit: int | None = None) -> None:
    """Fetch and write until the queue is empty or `limit` is reached."""
    before = run.changed_count
    drainer = _Drainer(sync, run, wanted, limit)
    with sync.database.begin() as connection:
        items.release(connection, run.run_id)  # held by an earlier life of this run
        remaining = items.remaining_count(connection, sync.source, wanted)
        run.add(connection, remaining=remaining if limit is None else min(remaining, limit))
    try:
        with fetching(sync, run) as fetcher:
            drainer.drain(fetcher)
    finally:
        _release(sync, run)
    if run.changed_count - before >= _MANY:
        _settle(sync)


def _release(sync: Sync, run: Run) -> None:
    """What cannot be given back now is taken back once the run is over; what came before counts."""
    try:
        with sync.database.begin() as connection:
            items.release(connection, run.run_id)
    except exc.SQLAlchemyError as error:
        log.warning("leases are not given back yet", error=type(error).__name__)


def _settle(sync: Sync) -> None:
    """What is left undone autovacuum does; the run is done without it."""
    try:
        with sync.database.read() as connection:
            upkeep.settle(connection, _UPKEEP_SECONDS)
    except exc.SQLAlchemyError as error:
        log.warning("upkeep left undone", error=type(error).__name__)


class _Drainer:
    def __init__(self, sync: Sync, run: Run, wanted: items.Wanted, limit: int | None) -> None:
        self._sync = sync
        self._run = run
        self._wanted = wanted
        self._left = limit
        self._claims: dict[int, items.Claim] = {}
        self._batches = 0
        self._gone_in_a_row = 0
        self._has_found = False  # a movie, so TMDb knows some
        self._senseless_in_a_row = 0
        self._senseless_borne = 0  # until an answer makes sense
        self._familiar = Familiar()
        self._familiar_ahead = Familiar()

    def drain(self, fetcher: Fetcher) -> None:
        flights: deque[tuple[list[int], Future[_Batch]]] = deque()
        while True:
            while len(flights) < _AHEAD and (movie_ids := self._claim()):
                flights.append((movie_ids, fetcher.movies(movie_ids, self._made_ready)))
            if not flights:
                return
            claimed, flight = flights.popleft()
            fetched, ready = fetcher.wait(flight)
            self._refuse_nonsense(fetched)
            self._has_found = self._has_found or any(one.record for one in fetched)
            self._write(fetched, ready)
            leases = {self._claims.pop(movie_id).lease_id for movie_id in claimed}
            if self._left is not None:
                self._left += len(claimed) - len(fetched)
            with self._sync.database.begin() as connection:
                items.give_back(connection, leases)
                remaining = self._remaining(connection, len(fetched))
                self._run.add(connection, requests=fetcher.new_requests(), remaining=remaining)
                if new_fields := fetcher.novelties.new_counts():
                    log.info("fields we do not know", counts=dict(new_fields))
                    runs.add_unknown_fields(connection, self._run.run_id, new_fields)
            self._run.tell(self._run)

    def _claim(self) -> list[int]:
        size = self._sync.batch_size
        limit = size if self._left is None else min(size, self._left)
        if limit == 0:
            return []
        claims = patiently(self._run, partial(self._claim_at_once, limit))
        if self._left is not None:
            self._left -= len(claims)
        self._claims.update((claim.movie_id, claim) for claim in claims)
        return [claim.movie_id for claim in claims]

    def _claim_at_once(self, limit: int) -> list[items.Claim]:
        sync = self._sync
        with sync.database.begin() as connection:
            return items.claim(connection, sync.source, self._run.run_id, self._wanted, limit)

    def _remaining(self, connection: Connection, done: int) -> int:
        self._batches += 1
        if self._batches % _RECOUNT_EVERY == 0 and self._left is None:
            return items.remaining_count(connection, self._sync.source, self._wanted)
        return max(0, self._run.remaining_count - done)

    def _made_ready(self, fetched: list[Fetched]) -> _Batch:
        """What can be done before a batch is written, if its movies were never fetched before."""
        new = all(self._claims[one.movie_id].as_of is None for one in fetched)
        records = [one.record for one in fetched if one.record]
        if not (new and records):
            return fetched, None
        return fetched, self._shared(loading.ready(self._sync.source, records))

    def _shared(self, ready: loading.Ready) -> loading.Ready:
        """With what its movies share written ahead, while the batch before is written; if that
        fails, it is for their own transaction to say why."""
        self._familiar_ahead.begin()
        try:
            with self._sync.database.begin() as connection:
                shared = loading.share(connection, ready, self._familiar_ahead)
        except (exc.DBAPIError, exc.TimeoutError) as error:
            state = getattr(getattr(error, "orig", None), "pgcode", None)
            log.warning("nothing written ahead", error=type(error).__name__, state=state)
            return ready
        self._familiar_ahead.committed()
        return shared

    def _write(self, batch: Sequence[Fetched], ready: loading.Ready | None = None) -> None:
        """One transaction; if the database refuses a record, halves of it, down to that record."""
        try:
            patiently(self._run, partial(self._write_at_once, batch, ready))
        except exc.DBAPIError as error:
            if not _blames_the_record(error):
                raise
            if len(batch) > 1:
                middle = len(batch) // 2
                self._write(batch[:middle])
                self._write(batch[middle:])
                return
            only = batch[0]
            if only.fault:
                raise  # it is put away already: what is refused is our own entry
            fault = quarantines.Quarantined(only.movie_id, str(error.orig), only.body)
            self._write([Fetched(only.movie_id, fault=fault)])

    def _write_at_once(self, batch: Sequence[Fetched], ready: loading.Ready | None) -> None:
        self._familiar.begin()
        with self._sync.database.begin() as connection:
            gone_in_a_row = self._write_all(connection, batch, ready)
        self._familiar.committed()
        self._gone_in_a_row = gone_in_a_row

    def _write_all(
        self, connection: Connection, batch: Sequence[Fetched], ready: loading.Ready | None
    ) -> int:
        """Answers how many movies by now are gone in a row."""
        source = self._sync.source
        records = [one.record for one in batch if one.record and not self._is_older(one)]
        faults = [one.fault for one in batch if one.fault]
        gone = [one.movie_id for one in batch if one.gone]
        written = loading.load_movies(connection, source, records, self._familiar, ready)
        removed = loading.remove_movies(connection, source, gone)
        gone_in_a_row = self._refuse_a_void(batch, removed)
        quarantines.put_away(connection, source, PARSER_VERSION, faults)
        settled = [one.movie_id for one in batch if not (one.fault or one.postponed)]
        quarantines.resolve(connection, source, settled)
        outcomes = [self._outcome(one) for one in batch]
        items.finish(connection, source, outcomes, self._sync.settle_seconds)
        self._run.add(
            connection,
            done=sum(not one.postponed for one in batch),
            changed=written.changed_count + len(removed),
            quarantined=len(faults),
        )
        return gone_in_a_row

    def _refuse_a_void(self, batch: Sequence[Fetched], removed: Sequence[int]) -> int:
        """A source that suddenly knows nothing is a wrong address rather than the end of cinema.

        Answers how many movies are gone in a row, those apart that the census misses as well.
        """
        if any(not (one.gone or one.postponed or self._is_missing(one.movie_id)) for one in batch):
            return 0
        gone = {*removed, *self._never_found(batch)}
        in_a_row = self._gone_in_a_row + sum(not self._is_missing(movie_id) for movie_id in gone)
        if in_a_row >= _A_VOID:
            raise SourceUnavailable(
                f"TMDb knows none of {in_a_row} movies that its census names:"
                " not believed; is TMDB_BASE_URL right?"
            )
        return in_a_row

    def _never_found(self, batch: Sequence[Fetched]) -> list[int]:
        """Movies that are gone at the first look, while none of the others is there either. What an
        operator named may never have been there."""
        if self._has_found or self._wanted.queue == "named":
            return []
        gone = [one.movie_id for one in batch if one.gone]
        return [movie_id for movie_id in gone if self._claims[movie_id].is_untried]

    def _refuse_nonsense(self, batch: Sequence[Fetched]) -> None:
        """Answers of which none makes sense are somebody else's, unless some did before: then it
        takes a batch of them more. Those apart that made none before: all that waits may be such.
        """
        answers = [one for one in batch if not one.postponed]
        if any(not one.fault for one in answers):
            self._senseless_in_a_row, self._senseless_borne = 0, self._sync.batch_size
            return
        movie_ids = [one.movie_id for one in answers]
        with self._sync.database.begin() as connection:
            refused = quarantines.refused_of(connection, self._sync.source, movie_ids)
        self._senseless_in_a_row += len(set(movie_ids) - refused)
        if self._senseless_in_a_row >= self._senseless_borne + _A_VOID:
            raise SourceUnavailable(
                f"none of {self._senseless_in_a_row} answers in a row makes sense:"
                " is something between us and TMDb?"
            )

    def _is_missing(self, movie_id: int) -> bool:
        return self._claims[movie_id].is_missing

    def _is_older(self, one: Fetched) -> bool:
        """Whether a cache answered with less than we have."""
        known = self._claims[one.movie_id].as_of
        return known is not None and one.as_of is not None and one.as_of < known

    def _outcome(self, one: Fetched) -> items.Outcome:
        claim = self._claims[one.movie_id]
        if one.fault:
            return items.Outcome(one.movie_id, "quarantined", None, claim.attempts + 1)
        if one.postponed:
            return items.Outcome(one.movie_id, "pending", None, claim.attempts + 1)
        if one.record is None:
            return items.Outcome(one.movie_id, "gone", None, 0)
        as_of = claim.as_of if self._is_older(one) else one.as_of
        return items.Outcome(one.movie_id, "done", as_of, 0)


def _blames_the_record(error: exc.DBAPIError) -> bool:
    state = getattr(error.orig, "pgcode", None) or ""
    return state[:2] in _RECORDS_FAULT
