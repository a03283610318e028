"""The stand-in's idea of now: the machine's, or a moment someone set."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2999, 12, 31, tzinfo=UTC)


class Unshown(ValueError):
    """A moment that the clock does not show: no window of days around it may leave the calendar."""


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC."""
    if not EARLIEST <= moment <= LATEST:
        raise Unshown(f"a moment from {EARLIEST:%Y-%m-%d} to {LATEST:%Y-%m-%d}")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(in_utc)]


class Clock:
    """Real time, unless frozen."""

    def __init__(self, frozen: datetime | None = None) -> None:
        self._frozen = in_utc(frozen) if frozen else None

    def now(self) -> datetime:
        """This moment, in UTC."""
        return self._frozen or datetime.now(UTC)

    @property
    def is_frozen(self) -> bool:
        """Whether it stands still."""
        return self._frozen is not None

    def today(self) -> date:
        """This day, in UTC."""
        return self.now().date()

    def freeze(self, moment: datetime | None) -> None:
        """Stand still at a moment, or (None) follow the machine again."""
        self._frozen = in_utc(moment) if moment else None

    def advance(self, seconds: float) -> None:
        """Stand still this much later than now."""
        self._frozen = in_utc(self.now() + timedelta(seconds=seconds))
