"""Which processes speak to TMDb now: they share one allowance."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.engine import Connection

_LOCK = 0x737065616B  # "speak"
_KEPT_SECONDS = 60
_LAP_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Speaking:
    """All that speak, the longest at it first; the lap grows all the time, for all at once."""

    speaker_ids: Sequence[UUID]
    lap: int


def announced(connection: Connection, speaker_id: UUID, forgotten_seconds: float) -> Speaking:
    """Say that we speak, and see who does.

    One after the other, so that of two that begin together the second sees the first. Who ended
    or was killed counts until it is forgotten: what it sent last counts at TMDb as well.
    """
    connection.exec_driver_sql("select pg_advisory_xact_lock(%(key)s)", {"key": _LOCK})
    connection.exec_driver_sql(
        "insert into sync_speaker (speaker_id, seen_at) values (%(id)s, clock_timestamp())"
        " on conflict (speaker_id) do update set seen_at = excluded.seen_at,"
        " created_at = case when sync_speaker.seen_at < clock_timestamp()"
        " - make_interval(secs => %(forgotten)s) then now() else sync_speaker.created_at end,"
        " updated_at = now()",
        {"id": str(speaker_id), "forgotten": forgotten_seconds},
    )
    connection.exec_driver_sql(
        "delete from sync_speaker where seen_at < clock_timestamp()"
        " - make_interval(secs => %(kept)s)",
        {"kept": _KEPT_SECONDS},
    )
    rows = connection.exec_driver_sql(
        "select speaker_id, floor(extract(epoch from clock_timestamp()) / %(lap)s)::bigint"
        " from sync_speaker where seen_at > clock_timestamp()"
        " - make_interval(secs => %(forgotten)s) order by created_at, speaker_id",
        {"forgotten": forgotten_seconds, "lap": _LAP_SECONDS},
    ).all()
    return Speaking([UUID(str(row[0])) for row in rows], max((row[1] for row in rows), default=0))
