"""Does the time of an answer tell who is there? Asked of a running suite, thousands of times.

    ./marquee up --detach
    ./marquee python tests/load/enumeration.py [--pairs 1000]

Each question is put about somebody who is there and about somebody who is not, in random order.
The figure is the chance that the answer about the former took longer; 0.5 tells nothing. Beside it
is by how many standard deviations it is off that (Mann and Whitney).
"""

import argparse
import json
import random
import secrets
import statistics
import time
from collections.abc import Callable

import httpx
import redis

from launcher.backing import Servers
from launcher.settings import read_settings
from launcher.state import State

PEOPLE = 30
BETWEEN_RESETS = 20
PASSWORD = "a quite uncommon password"

Ask = Callable[[str], httpx.Response]


class Suite:
    """The running suite, whose limits are forgotten again and again."""

    def __init__(self) -> None:
        settings = read_settings()
        backing = Servers(settings, State(settings.state)).backing()
        self._limits = redis.Redis.from_url(backing.redis_cache_url)
        url = f"http://127.0.0.1:{settings.port}/api/v1"
        self.client = httpx.Client(base_url=url, trust_env=False, timeout=30)

    def forget_limits(self) -> None:
        keys = list(self._limits.scan_iter(match="limit:*", count=1000))
        if keys:
            self._limits.delete(*keys)

    def register(self) -> tuple[str, str]:
        """Somebody who shows nothing to others: name and access token."""
        name = f"there-{secrets.token_hex(5)}"
        body = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
        token = self.client.post("/auth/register", json=body).json()["access_token"]
        hidden = {"profile_visibility": "private"}
        headers = {"Authorization": f"Bearer {token}"}
        reply = self.client.patch("/me/preferences", json=hidden, headers=headers)
        assert reply.status_code == 200, reply.text
        return name, token


def questions(client: httpx.Client, token: str) -> dict[str, Ask]:
    """What may be asked about somebody, by name."""
    mine = {"Authorization": f"Bearer {token}"}

    def sign_in(name: str) -> httpx.Response:
        form = {"grant_type": "password", "username": name, "password": "not the password"}
        return client.post("/auth/token", data=form)

    def reset(name: str) -> httpx.Response:
        return client.post("/auth/password-reset", json={"email": f"{name}@example.org"})

    return {
        "sign in with a wrong password": sign_in,
        "ask for a new password": reset,
        "see a private profile": lambda name: client.get(f"/users/{name}", headers=mine),
        "follow a private profile": lambda name: client.put(f"/me/following/{name}", headers=mine),
    }


def timed(ask: Ask, name: str) -> tuple[float, tuple[int, str]]:
    began = time.perf_counter()
    reply = ask(name)
    seconds = time.perf_counter() - began
    told = reply.json() if reply.content else {}
    for varying in ("request_id", "instance"):
        told.pop(varying, None)
    return seconds, (reply.status_code, json.dumps(told))


def compare(suite: Suite, ask: Ask, names: list[str], pairs: int) -> tuple[float, float, str]:
    """The chance that somebody there takes longer, how sure that is, and the medians."""
    there: list[float] = []
    absent: list[float] = []
    answers: set[tuple[int, str]] = set()
    for number in range(pairs):
        if number % BETWEEN_RESETS == 0:
            suite.forget_limits()
        known = names[number % len(names)]
        both = [(known, there), (f"gone-{secrets.token_hex(5)}", absent)]
        random.shuffle(both)
        for name, kept in both:
            seconds, answer = timed(ask, name)
            kept.append(seconds)
            answers.add(answer)
    assert len(answers) == 1, f"answers differ: {answers}"
    ordered = sorted([(one, 1) for one in there] + [(one, 0) for one in absent])
    ranks = sum(rank for rank, (_seconds, is_there) in enumerate(ordered, 1) if is_there)
    chance = (ranks - pairs * (pairs + 1) / 2) / pairs**2
    deviation = ((2 * pairs + 1) / (12 * pairs**2)) ** 0.5
    medians = " and ".join(f"{statistics.median(one) * 1e3:.2f}" for one in (there, absent))
    return chance, (chance - 0.5) / deviation, medians


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=1000)
    pairs = parser.parse_args().pairs
    suite = Suite()
    suite.forget_limits()
    people = [suite.register() for _ in range(PEOPLE)]
    names, token = [name for name, _token in people], people[0][1]
    for question, ask in questions(suite.client, token).items():
        chance, deviations, medians = compare(suite, ask, names[1:], pairs)
        print(f"{question}: {chance:.3f} ({deviations:+.1f} deviations), medians {medians} ms")
    suite.forget_limits()


if __name__ == "__main__":
    main()
