"""Signing keys are fetched again, whatever went wrong the time before."""

from chassis.identity import SigningKeys
from chassis.testing import eventually


def test_keys_are_fetched_again_after_what_nobody_foresaw():
    failures = [KeyError("an answer nobody can read")]

    def fetch():
        if failures:
            raise failures.pop()
        return {"one": b"k" * 32}

    keys = SigningKeys(fetch)
    keys.start()
    try:
        eventually(lambda: keys.known)
    finally:
        keys.stop()
