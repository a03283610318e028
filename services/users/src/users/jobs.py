"""Chores of the users service."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import redis
import structlog

from chassis.database import Database
from chassis.erasure import Tombstones
from chassis.errors import Invalid, Refusal, Unavailable
from chassis.jobs import Chore, Job, JobFunction, Progress
from chassis.mail import Mailer
from users.domain.recommendation_mails import week_of
from users.operations import erasures, resets
from users.operations.recommendation_mails import Claimed, Offer, claim_week, week_mail
from users.operations.signing_keys import Keyring
from users.store.recommendation_mails import release, waiting
from users.store.resets import delete_old_resets, delete_reset
from users.store.sessions import delete_ended_sessions, delete_old_tokens

CHORES = (
    Chore(kind="rotate_signing_keys", every_seconds=3600),
    Chore(kind="forget_sessions", every_seconds=3600),
    # Looked at daily, so that a week's mails go out although a day was a bad one.
    Chore(kind="mail_recommendations", every_seconds=86_400),
)
_CHUNK = 1000

log = structlog.get_logger()
_REMEMBERED = timedelta(days=7)


@dataclass(frozen=True)
class Chores:
    """What the jobs work with, passed in from wiring."""

    database: Database
    keyring: Keyring
    mailer: Mailer
    signing_key_days: int
    password_reset_url: str
    offer: Offer
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
            "mail_recommendations": self.mail_recommendations,
            resets.MAIL_RESET: self.mail_password_reset,
        }

    @property
    def urgent(self) -> Mapping[str, JobFunction]:
        """Those that wait for no mails."""
        return {erasures.FINISH: self.finish_erasure}

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
            made = resets.make_reset(connection, user_id, self.password_reset_url, self.now())
        if made is None:
            return
        try:
            self.mailer.send(made.mail)
        except Refusal:
            with self.database.begin() as connection:
                delete_reset(connection, made.token_hash)
            raise
        with self.database.begin() as connection:
            resets.note_reset(connection, made, self.now())

    def mail_recommendations(self, _job: Job, progress: Progress) -> dict[str, object]:
        """Mail everybody who wants it this week's recommendations.

        Whom it cannot reach now is tried again by the next attempt, after all the others.
        """
        sent = failed = 0
        week, after = week_of(self.now()), UUID(int=0)
        while people := self._waiting_for_mail(week, after):
            for user_id in people:
                progress.report(sent + failed)
                try:
                    sent += self._mail_week(user_id, week)
                except Refusal as refusal:
                    log.warning("recommendations not mailed", reason=refusal.reason)
                    failed += 1
            after = people[-1]
        if failed:
            raise Unavailable(f"{failed} people could not be mailed now")
        return {"sent_count": sent}

    def _waiting_for_mail(self, week: date, after: UUID) -> list[UUID]:
        with self.database.read() as connection:
            return waiting(connection, week, after=after, limit=_CHUNK)

    def _mail_week(self, user_id: UUID, week: date) -> bool:
        """Whether a mail went out; whom none can be sent to has had the week all the same."""
        with self.database.begin() as connection:
            claimed = claim_week(connection, user_id, week, self.keyring, self.now())
        if claimed is None:
            return False
        try:
            return self._send_week(claimed)
        except Refusal:
            with self.database.begin() as connection:
                release(connection, user_id, week)
            raise

    def _send_week(self, claimed: Claimed) -> bool:
        mail = week_mail(claimed, self.offer)
        if mail is None:
            return False
        try:
            self.mailer.send(mail)
        except Invalid as refusal:
            log.warning("recommendations not mailed", reason=refusal.reason)
            return False
        return True

    def finish_erasure(self, job: Job, _progress: Progress) -> None:
        """Delete the last traces of somebody whom all services have erased."""
        erasures.finish_erasure(
            self.database,
            self.tombstones,
            UUID(job.payload["erasure_id"]),
            job_id=job.job_id,
            streams=self.streams,
            cache=self.cache,
            at=self.now(),
        )
