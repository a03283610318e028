"""The stand-in's idea of now: the machine's, or a moment someone set."""

from datetime import UTC, date, datetime, timedelta


class Clock:
    """Real time, unless frozen."""

    def __init__(self, frozen: datetime | None = None) -> None:
        self._frozen = frozen

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
        self._frozen = moment.astimezone(UTC) if moment else None

    def advance(self, seconds: float) -> None:
        """Stand still this much later than now."""
        self._frozen = self.now() + timedelta(seconds=seconds)
