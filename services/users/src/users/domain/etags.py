"""Entity tags: a version as text, to be compared and not to be understood."""

from chassis.errors import Stale


class EtagMismatch(Stale):
    """It is no longer what the caller decided upon."""


def etag(version: int) -> str:
    """The tag of this version."""
    return f"v{version}"


def check_etag(expected: str, version: int) -> None:
    """Refuse a change that was decided upon another version; an empty tag or `*` means any."""
    if expected not in {"", "*", etag(version)}:
        raise EtagMismatch("it was changed meanwhile; get it again")
