"""Who may sign in: what the others have shown is not shown while they may not."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Access:
    """Whether a person's account is disabled, as of a version of the account."""

    user_id: UUID
    disabled: bool
    version: int
