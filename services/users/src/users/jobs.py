"""Chores of the users service."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from chassis.database import Database
from chassis.jobs import Chore, Job, JobFunction, Progress
from users.operations.signing_keys import Keyring
from users.store.sessions import delete_ended_sessions, delete_old_tokens

CHORES = (
    Chore(kind="rotate_signing_keys", every_seconds=3600),
    Chore(kind="forget_sessions", every_seconds=3600),
)
_CHUNK = 1000
_REMEMBERED = timedelta(days=7)


def job_functions(
    database: Database, keyring: Keyring, signing_key_days: int, now: Callable[[], datetime]
) -> Mapping[str, JobFunction]:
    """The function of each kind of job."""

    def rotate(_job: Job, _progress: Progress) -> dict[str, object]:
        with database.begin() as connection:
            made = keyring.rotate(connection, now(), days=signing_key_days)
        return {"key_id": None if made is None else made.key_id}

    def forget(_job: Job, progress: Progress) -> dict[str, object]:
        return {"forgotten_count": forget_sessions(database, progress, now())}

    return {"rotate_signing_keys": rotate, "forget_sessions": forget}


def forget_sessions(database: Database, progress: Progress, now: datetime) -> int:
    """Delete sessions and tokens a week after they could last have been of use."""
    forgotten_count = 0
    for delete in (delete_ended_sessions, delete_old_tokens):
        deleted = _CHUNK
        while deleted == _CHUNK:
            with database.begin() as connection:
                deleted = delete(connection, now - _REMEMBERED, _CHUNK)
            forgotten_count += deleted
            progress.report(forgotten_count, None)
    return forgotten_count
