"""The engine, its transactions, and what the database's refusals mean."""

import select
import threading
import time
import uuid
from array import array
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from secrets import token_bytes
from types import MappingProxyType
from typing import Any

import psycopg2
import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.engine import Connection, Engine, ExceptionContext

from chassis import telemetry
from chassis.errors import DeadlineExceeded, Invalid, Refusal, Unavailable

metadata_naming: dict[str, str] = {
    "pk": "%(table_name)s_pkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
}
"""For `MetaData(naming_convention=...)`: every constraint has a name that `violated` can give."""

_STATEMENT_TIMEOUT_SECONDS = 30
_LOCK_TIMEOUT_SECONDS = 5
_IDLE_TIMEOUT_SECONDS = 60
_POOL_TIMEOUT_SECONDS = 3
_CONNECT_TIMEOUT_SECONDS = 3

_QUERY_CANCELED = "57014"
_READ_ONLY = "25006"
_PROGRAM_LIMIT_EXCEEDED = "54"  # a class of states


class Database:
    """One PostgreSQL database: connects when first used, and again after it was lost."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @contextmanager
    def begin(self, *, statement_timeout_seconds: float | None = None) -> Generator[Connection]:
        """One transaction: committed at the end of the block, rolled back if it raises."""
        with self.engine.begin() as connection:
            if statement_timeout_seconds is not None:
                connection.execute(_set_statement_timeout(statement_timeout_seconds))
            yield connection

    @contextmanager
    def read(self) -> Generator[Connection]:
        """A connection in autocommit for hot reads: no BEGIN, no COMMIT, no snapshot to share.

        The driver is told, rather than SQLAlchemy by `isolation_level`: that sends a SET at each
        return to the pool, and where the server is gone by then, loses the pool's place for good.
        """
        with self.engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.autocommit = True
            try:
                yield connection
            finally:
                if not driver.closed:
                    driver.autocommit = False

    def statements(self) -> AbstractContextManager[Connection]:
        """A connection in autocommit for writes that are one statement each, row and event in it:
        what has been executed is committed, and no lock outlives its statement."""
        return self.read()

    def ping(self) -> bool:
        """Whether the database answers; for readiness, so a broken one is an answer too."""
        try:
            with self.read() as connection:
                return connection.execute(sa.text("select 1")).scalar() == 1
        except (exc.DBAPIError, exc.TimeoutError):
            return False

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def connect(
    url: str,
    *,
    pool_size: int = 16,
    application_name: str,
    parameters: Mapping[str, object] = MappingProxyType({}),
) -> Database:
    """The database at `url`; nothing is opened before the first transaction.

    `parameters` are PostgreSQL's, for each session.
    """
    engine = sa.create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=_POOL_TIMEOUT_SECONDS,
        pool_recycle=1800,
        pool_use_lifo=True,
        hide_parameters=True,
        connect_args={
            "application_name": application_name,
            "connect_timeout": _CONNECT_TIMEOUT_SECONDS,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": (_STATEMENT_TIMEOUT_SECONDS + 5) * 1000,
            "options": _session_options(parameters),
        },
    )
    event.listen(engine, "checkout", _refuse_a_dead_connection)
    event.listen(engine, "handle_error", _quote_nothing)
    event.listen(engine, "handle_error", _leave_a_read_only_server)
    telemetry.trace_statements(engine)
    return Database(engine)


def violated(error: exc.IntegrityError) -> str | None:
    """Name of the constraint that stood in the way."""
    diagnostics = getattr(error.orig, "diag", None)
    return getattr(diagnostics, "constraint_name", None)


def without_rows(error: psycopg2.Error) -> psycopg2.Error:
    """The same, less what PostgreSQL adds to its message: it quotes rows and what it was sent,
    and so people, where nobody would look for them."""
    if error.diag.message_primary:
        error.args = (error.diag.message_primary,)
    return error


def refusal_of(error: Exception) -> Refusal | None:
    """What a database error tells the caller, or None when it is a bug of ours."""
    if isinstance(error, exc.TimeoutError):
        return Unavailable("too many transactions are waiting for the database")
    if isinstance(error, exc.DBAPIError):
        return _refusal_of_state(error)
    if isinstance(error, ValueError) and "NUL (0x00)" in str(error):
        return Invalid("text must not contain NUL")
    return None


def _refusal_of_state(error: exc.DBAPIError) -> Refusal | None:
    if isinstance(error, exc.DataError):
        return Invalid("a value is outside of what can be stored")
    state = getattr(error.orig, "pgcode", None) or ""
    if state == _QUERY_CANCELED:
        return DeadlineExceeded("the database took too long")
    if state.startswith(_PROGRAM_LIMIT_EXCEEDED):
        return None  # psycopg2 has it among what passes by itself; trying again would not help
    if isinstance(error, exc.OperationalError | exc.InterfaceError) or error.connection_invalidated:
        return Unavailable("the database is not available")
    return None


def timestamps() -> list[sa.Column[Any]]:
    """`created_at` and `updated_at`, which every table of ours has."""
    return [
        sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())
        for name in ("created_at", "updated_at")
    ]


def uuid7() -> uuid.UUID:
    """A version 7 UUID (RFC 9562, method 3): ordered by time, strictly so within this process."""
    return uuid7s(1)[0]


def uuid7s(count: int) -> list[uuid.UUID]:
    """So many version 7 UUIDs at once, in their order."""
    first, chances = _take_ticks(count), array("Q", token_bytes(count * 8))
    return [_uuid7_at(first + place, chance) for place, chance in enumerate(chances)]


def _uuid7_at(tick: int, chance: int) -> uuid.UUID:
    milliseconds, fraction = divmod(tick, 4096)
    high = (milliseconds << 16) | (7 << 12) | fraction
    return uuid.UUID(int=(high << 64) | (0b10 << 62) | (chance >> 2))


_tick_lock = threading.Lock()
_last_tick = [0]


def _take_ticks(count: int) -> int:
    """The first of so many, each a time since 1970 in 1/4096 milliseconds, handed out once."""
    now = time.time_ns() * 4096 // 1_000_000
    with _tick_lock:
        first = max(now, _last_tick[0] + 1)
        _last_tick[0] = first + count - 1
        return first


def _session_options(parameters: Mapping[str, object]) -> str:
    timeouts = {
        "statement_timeout": _STATEMENT_TIMEOUT_SECONDS,
        "lock_timeout": _LOCK_TIMEOUT_SECONDS,
        "idle_in_transaction_session_timeout": _IDLE_TIMEOUT_SECONDS,
    }
    given = {
        **{name: seconds * 1000 for name, seconds in timeouts.items()},
        "timezone": "UTC",
        # Who waited for a lock must then see what its holder wrote, whatever the server's default.
        "default_transaction_isolation": r"read\ committed",
        **parameters,
    }
    return " ".join(f"-c {name}={value}" for name, value in given.items())


def _set_statement_timeout(seconds: float) -> sa.TextClause:
    return sa.text(f"set local statement_timeout = {max(1, int(seconds * 1000))}")


def _quote_nothing(context: ExceptionContext) -> None:
    error, told = context.original_exception, context.sqlalchemy_exception
    if isinstance(error, psycopg2.Error) and told is not None:
        whole = str(error)
        told.args = (str(told.args[0]).replace(whole, str(without_rows(error))),)


def _leave_a_read_only_server(context: ExceptionContext) -> None:
    """A primary that has become a standby keeps its connections: take others, to its successor."""
    if getattr(context.original_exception, "pgcode", None) == _READ_ONLY:
        context.is_disconnect = True


def _refuse_a_dead_connection(connection: Any, _record: object, _proxy: object) -> None:
    """An idle connection that has something to say was closed by the server: take another.

    Looking at the socket costs a microsecond, where a pre-ping would cost a round trip.
    """
    if connection.closed:
        raise exc.DisconnectionError
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
    if poll.poll(0):
        raise exc.DisconnectionError
