"""What is counted without being anybody's: lists shown, recommendations clicked, requests."""

from dataclasses import dataclass
from datetime import datetime

from chassis.errors import Invalid

_STATUSES = range(100, 600)


@dataclass(frozen=True)
class Shown:
    """Movies shown to somebody at once."""

    recommendation_type: str
    movie_ids: tuple[int, ...]
    served_at: datetime


@dataclass(frozen=True)
class Clicked:
    """A recommendation clicked; it counts where it was shown, so that no rate exceeds one."""

    recommendation_type: str
    recommended_at: datetime


@dataclass(frozen=True)
class Usage:
    """How often a route was used within a minute."""

    method: str
    route: str
    status: int
    client: str
    requests_count: int
    total_milliseconds: float
    minute: datetime

    def __post_init__(self) -> None:
        if self.status not in _STATUSES or self.requests_count < 0 or self.total_milliseconds < 0:
            raise Invalid("is no use of a route", route=self.route)
