"""The public keys of access tokens, fetched from whoever signs them."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping

import structlog

from chassis.errors import Refusal, Unavailable
from chassis.loops import keep_going, works

_REFRESH_SECONDS = 300.0
_RETRY_SECONDS = 1.0
_LOOP = "signing keys"

log = structlog.get_logger()


class SigningKeys(Mapping[str, bytes]):
    """Raw 32-byte Ed25519 keys by key id; give the object itself to TokenVerifier(keys=...).

    `fetch` asks the signer for all of them (an RPC with a short timeout). An unknown id asks
    again, at most once a second; a thread asks every five minutes. While the signer is down
    the keys it gave last stay good.
    """

    def __init__(self, fetch: Callable[[], Mapping[str, bytes]]) -> None:
        self._fetch = fetch
        self._keys: Mapping[str, bytes] = {}
        self._asked_at = float("-inf")
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def __call__(self) -> Mapping[str, bytes]:
        """The keys themselves, as TokenVerifier wants to be told them."""
        return self

    def __getitem__(self, key_id: str) -> bytes:
        if key_id not in self._keys:
            self._refresh_at_most_once_a_second()
        if not self._keys:
            raise Unavailable("the signing keys are not known yet")
        return self._keys[key_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def known(self) -> bool:
        """Whether any key has been fetched; for readiness."""
        return bool(self._keys)

    def start(self) -> None:
        """Fetch now and every five minutes in a daemon thread; each second until it succeeds."""
        threading.Thread(target=self._keep_fresh, name="signing-keys", daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()

    def _keep_fresh(self) -> None:
        keep_going(self._stopping, _LOOP, self._step)

    def _step(self) -> None:
        with self._lock:
            self._refresh()
        works(_LOOP)
        self._stopping.wait(_REFRESH_SECONDS if self._keys else _RETRY_SECONDS)

    def _refresh_at_most_once_a_second(self) -> None:
        with self._lock:
            if time.monotonic() - self._asked_at >= _RETRY_SECONDS:
                self._refresh()

    def _refresh(self) -> None:
        try:
            self._keys = dict(self._fetch()) or self._keys
        except Refusal as refusal:
            log.warning("signing keys not fetched", reason=refusal.reason)
        finally:
            self._asked_at = time.monotonic()
