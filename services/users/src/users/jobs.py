"""Chores of the users service."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import redis

from chassis.database import Database
from chassis.erasure import Tombstones
from chassis.jobs import Chore, Job, JobFunction, Progress
from chassis.mail import Mailer
from users.operations import erasures, resets
from users.operations.signing_keys import Keyring
from users.store.resets import delete_old_resets
from users.store.sessions import delete_ended_sessions, delete_old_tokens

CHORES = (
    Chore(kind="rotate_signing_keys", every_seconds=3600),
    Chore(kind="forget_sessions", every_seconds=3600),
)
_CHUNK = 1000
_REMEMBERED = timedelta(days=7)


@dataclass(frozen=True)
class Chores:
    """What the jobs work with, passed in from wiring."""

    database: Database
    keyring: Keyring
    mailer: Mailer
    signing_key_days: int
    password_reset_url: str
    tombstones: Tombstones
    streams: redis.Redis
    cache: redis.Redis
    now: Callable[[], datetime]

    @property
    def functions(self) -> Mapping[str, JobFunction]:
        """The function of each kind of job."""
        return {
            "rotate_signing_keys": self.rotate_signing_keys,
            "forget_sessions": self.forget_sessions,
            resets.MAIL_RESET: self.mail_password_reset,
            erasures.FINISH: self.finish_erasure,
        }

    def rotate_signing_keys(self, _job: Job, _progress: Progress) -> dict[str, object]:
        """Follow a key that is old enough by the next."""
        with self.database.begin() as connection:
            made = self.keyring.rotate(connection, self.now(), days=self.signing_key_days)
        return {"key_id": None if made is None else made.key_id}

    def forget_sessions(self, _job: Job, progress: Progress) -> dict[str, object]:
        """Delete sessions and tokens a week after they could last have been of use."""
        forgotten_count, before = 0, self.now() - _REMEMBERED
        for delete in (delete_ended_sessions, delete_old_tokens, delete_old_resets):
            deleted = _CHUNK
            while deleted == _CHUNK:
                with self.database.begin() as connection:
                    deleted = delete(connection, before, _CHUNK)
                forgotten_count += deleted
                progress.report(forgotten_count, None)
        return {"forgotten_count": forgotten_count}

    def mail_password_reset(self, job: Job, _progress: Progress) -> None:
        """Make a token and mail it; if the mail does not go out, the token is none."""
        if not job.payload["user_id"]:
            return  # nobody has the address that was asked for
        user_id = UUID(job.payload["user_id"])
        with self.database.begin() as connection:
            mail = resets.reset_mail(connection, user_id, self.password_reset_url, self.now())
            if mail is not None:
                self.mailer.send(mail)

    def finish_erasure(self, job: Job, _progress: Progress) -> None:
        """Delete the last traces of somebody whom all services have erased."""
        erasures.finish_erasure(
            self.database,
            self.tombstones,
            UUID(job.payload["erasure_id"]),
            streams=self.streams,
            cache=self.cache,
            at=self.now(),
        )
