"""A running suite, and people who use it."""

import itertools
import json
import os
import secrets
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import httpx

CHECKOUT = Path(__file__).parents[2]
CATALOG_SIZE = 600
UP_SECONDS = 240
DEMO_SECONDS = 240
SYNC_SECONDS = 300
PATIENCE_SECONDS = 90

_PRINT_STORES = """
import json
from launcher.backing import Servers
from launcher.settings import read_settings
from launcher.state import State
settings = read_settings()
backing = Servers(settings, State(settings.state)).backing()
redis_urls = [backing.redis_streams_url, backing.redis_cache_url]
print(json.dumps({"databases": dict(backing.database_urls), "redis": redis_urls}))
"""


def running(state: Path, **settings: str) -> "LaunchedSuite":
    """A suite of its own state and port, stopped at the end of the block."""
    environment = {
        **os.environ,
        **settings,
        "MARQUEE_STATE": str(state),
        "MARQUEE_PORT": str(_free_port()),
        "MARQUEE_CATALOG_SIZE": str(CATALOG_SIZE),
    }
    return LaunchedSuite(CHECKOUT, environment)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Suite(ABC):
    """A suite at an address; a context manager that closes what was opened to it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._clients: list[httpx.Client] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        for client in self._clients:
            client.close()

    @abstractmethod
    def prepare(self) -> None:
        """Have a synced catalogue and a trained model."""

    @abstractmethod
    def command(
        self, *arguments: str, timeout: float = 60, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """`./marquee` with these arguments."""

    @abstractmethod
    def credentials(self) -> dict[str, str]:
        """Username and password of an admin."""

    def client(self, token: str = "") -> httpx.Client:
        """A client of the REST API."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        client = httpx.Client(
            base_url=f"{self.url}/api/v1", headers=headers, timeout=20, trust_env=False
        )
        self._clients.append(client)
        return client

    def person(self) -> "Person":
        """Somebody who has just registered."""
        return Person(self)

    def admin(self) -> httpx.Client:
        """A signed-in admin."""
        form = {"grant_type": "password", **self.credentials()}
        with self.client() as stranger:
            reply = stranger.post("/auth/token", data=form)
        assert reply.status_code == 200, reply.text
        return self.client(reply.json()["access_token"])

    def processes(self) -> dict[str, dict[str, Any]]:
        """Every process by name."""
        status = json.loads(self.command("status", "--json").stdout)
        return {process["name"]: process for process in status["processes"]}

    def kill(self, name: str) -> int:
        """Kill a process the hard way; answers the pid it had."""
        pid = self.processes()[name]["pid"]
        os.kill(pid, signal.SIGKILL)
        return pid

    def stores(self) -> dict[str, Any]:
        """URLs of the databases by service, and of both Redis servers, as processes know them."""
        return json.loads(self.command("python", "-c", _PRINT_STORES).stdout)

    def redis_urls(self) -> list[str]:
        """Both Redis servers."""
        return self.stores()["redis"]

    def wait_for_sync(self) -> None:
        """Until the first sync of the catalogue has ended."""
        with self.admin() as admin:
            eventually(lambda: _first_sync_is_done(admin), within=SYNC_SECONDS)


class LaunchedSuite(Suite):
    """One suite started by `./marquee up --detach`, and stopped."""

    def __init__(self, checkout: Path, environment: Mapping[str, str]) -> None:
        super().__init__(f"http://127.0.0.1:{environment['MARQUEE_PORT']}")
        self._checkout = checkout
        self._environment = dict(environment)
        self.state = Path(environment["MARQUEE_STATE"])

    def __enter__(self) -> Self:
        up = self.command("up", "--detach", timeout=UP_SECONDS)
        assert up.returncode == 0, up.stdout + up.stderr
        return super().__enter__()

    def __exit__(self, *raised: object) -> None:
        super().__exit__(*raised)
        self.command("down", timeout=120)

    def prepare(self) -> None:
        """The stand-in's catalogue, and a model of the demo people."""
        self.wait_for_sync()
        demo = self.command("demo", timeout=DEMO_SECONDS)
        assert demo.returncode == 0, demo.stdout + demo.stderr

    def command(
        self, *arguments: str, timeout: float = 60, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """`./marquee` with these arguments."""
        return subprocess.run(
            [str(self._checkout / "marquee"), *arguments],
            env={**self._environment, **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def credentials(self) -> dict[str, str]:
        """What the first start wrote down."""
        return json.loads((self.state / "credentials.json").read_text())["admin"]


class Person:
    """A registered person with a client of their own."""

    def __init__(self, suite: Suite) -> None:
        self.username = f"person-{secrets.token_hex(5)}"
        self.password = secrets.token_urlsafe(12)
        self.email = f"{self.username}@example.org"
        body = {"username": self.username, "email": self.email, "password": self.password}
        with suite.client() as stranger:
            reply = stranger.post("/auth/register", json=body)
        assert reply.status_code == 201, reply.text
        self.tokens: dict[str, Any] = reply.json()
        self.api = suite.client(self.tokens["access_token"])

    def recommended(self, **query: Any) -> dict[str, Any]:
        """A page of recommendations, made with everything there is."""
        reply = self.api.get("/me/recommendations", params=query)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def own_page(self, **query: Any) -> dict[str, Any]:
        """A page made for this person and kept in their history, however busy the machine is."""
        pages = (self.recommended(**query) for _attempt in itertools.count())
        return eventually(lambda: _unless_degraded(next(pages)))

    def rate(self, movie_id: int, rating: float) -> None:
        """Rate a movie."""
        reply = self.api.put(f"/me/ratings/{movie_id}", json={"rating": rating})
        assert reply.status_code in (200, 201), reply.text


def movie_ids(page: Mapping[str, Any]) -> list[int]:
    """The movies of a page, of whatever kind."""
    return [(one.get("movie") or one)["movie_id"] for one in page["items"]]


def eventually(holds: Callable[[], Any], within: float = PATIENCE_SECONDS) -> Any:
    """The first true answer of `holds`, asked again and again."""
    deadline = time.monotonic() + within
    while not (answer := holds()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.2)
    return answer


def _unless_degraded(page: dict[str, Any]) -> dict[str, Any] | None:
    return None if page["degraded"] else page


def _first_sync_is_done(admin: httpx.Client) -> bool:
    runs = admin.get("/admin/sync/runs", params={"page_size": 100}).json()["items"]
    states = {run["state"] for run in runs if run["stage"] == "all"}
    assert "failed" not in states, runs
    return "done" in states
