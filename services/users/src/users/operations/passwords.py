"""Hashing passwords: slow on purpose, so only a few at a time."""

import secrets
import threading
from collections.abc import Container, Generator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from chassis.errors import Unavailable
from users.domain.accounts import LONGEST_PASSWORD, checked_password, normal_password

_MEMORY_KIB = 19 * 1024
_ROUNDS = 2
_LANES = 1
_PATIENCE_SECONDS = 5.0


class Passwords:
    """Argon2id with what OWASP asks for, in at most `threads` threads at once."""

    def __init__(self, *, threads: int, common: Container[str]) -> None:
        self._hasher = PasswordHasher(
            time_cost=_ROUNDS, memory_cost=_MEMORY_KIB, parallelism=_LANES
        )
        self._turns = threading.BoundedSemaphore(threads)
        self._common = common
        self._nobodys_hash = self._hasher.hash(secrets.token_urlsafe())
        self._counting = threading.Lock()
        self.verified_count = 0

    def hash(self, password: str, *, field: str = "password") -> str:
        """The hash to store, or Invalid when the password is too short, long or common."""
        normal = checked_password(password, self._common, field=field)
        with self._turn():
            return self._hasher.hash(normal)

    def check(self, password: str, *, field: str = "password") -> None:
        """Refuse what `hash` would refuse, at no cost."""
        checked_password(password, self._common, field=field)

    def verify(self, password: str, stored_hash: str | None) -> bool:
        """Whether it is the password; takes as long when there is none to compare with."""
        normal = normal_password(password)
        impossible = stored_hash is None or len(normal) > LONGEST_PASSWORD
        compared = self._nobodys_hash if stored_hash is None else stored_hash
        with self._turn():
            right = self._matches(compared, normal[:LONGEST_PASSWORD])
        return right and not impossible

    def hash_anew(self, password: str, stored_hash: str) -> str | None:
        """The hash by today's parameters, if the stored one was made with others."""
        if not self._hasher.check_needs_rehash(stored_hash):
            return None
        with self._turn():
            return self._hasher.hash(normal_password(password))

    def _matches(self, stored_hash: str, password: str) -> bool:
        with self._counting:
            self.verified_count += 1
        try:
            return self._hasher.verify(stored_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    @contextmanager
    def _turn(self) -> Generator[None]:
        if not self._turns.acquire(timeout=_PATIENCE_SECONDS):
            raise Unavailable("too many passwords are waiting to be checked")
        try:
            yield
        finally:
            self._turns.release()
