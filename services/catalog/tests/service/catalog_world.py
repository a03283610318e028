"""What the service's tests share: a stand-in for TMDb, stages run here and now, a caller."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import httpx
import sqlalchemy as sa

from catalog import jobs
from catalog.settings import Settings
from catalog.store import runs
from catalog.wiring.sync import sync_context
from chassis.database import uuid7
from chassis.testing import eventually
from marquee.catalog.v1 import catalog_pb2 as pb

SIZE = 150
NOW = "2026-03-01T12:00:00Z"
TOKEN = "a token for tests"

CONTENT = (
    "movie",
    "movie_genre",
    "movie_keyword",
    "movie_title",
    "translation",
    "credit",
    "person",
    "keyword",
    "collection",
    "video",
    "certification",
    "genre",
    "title_word",
    "name_word",
    "sync_item",
)


@dataclass(frozen=True)
class Standin:
    """A TMDb-compatible server and its switches."""

    url: str

    def put(self, path: str, body: dict[str, Any]) -> None:
        httpx.put(self.url + path, json=body).raise_for_status()

    def faults(self, **faults: Any) -> None:
        self.put("/_faults", faults)

    def follow_the_clock(self) -> None:
        httpx.delete(f"{self.url}/_clock").raise_for_status()

    def edit(self, *movie_ids: int) -> None:
        httpx.post(f"{self.url}/_edits", json={"ids": movie_ids}).raise_for_status()

    def report(self) -> dict[str, Any]:
        return httpx.get(f"{self.url}/_faults").json()

    def movie(self, movie_id: int, language: str = "en-US") -> dict[str, Any]:
        headers = {"authorization": f"Bearer {TOKEN}"}
        query = {"language": language, "append_to_response": "credits,keywords,translations"}
        url = f"{self.url}/3/movie/{movie_id}"
        return httpx.get(url, params=query, headers=headers).raise_for_status().json()


@contextmanager
def started_standin() -> Iterator[Standin]:
    """A stand-in in a process of its own, for the length of the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "STANDIN_TOKEN": TOKEN,
        "STANDIN_PORT": str(port),
        "STANDIN_SIZE": str(SIZE),
        "STANDIN_DAILY_EDITS": "0",
        "STANDIN_NOW": NOW,
    }
    command = [sys.executable, "-m", "tmdb_standin", "serve"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"

        def answers() -> bool:
            try:
                return httpx.get(f"{url}/_health").status_code == httpx.codes.OK
            except httpx.TransportError:
                return False

        eventually(answers, within=30)
        yield Standin(url)
        process.kill()


class Syncing:
    """Stages run here and now, at the stand-in's moment."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.now = datetime.fromisoformat(NOW)
        self.context = replace(sync_context(settings), now=lambda: self.now)

    def ask_at(self, url: str) -> None:
        """From now on another server answers."""
        access = replace(self.context.access, base_url=url)
        self.context = replace(self.context, access=access)

    def run(self, stage: str, **parameters: Any) -> dict[str, Any]:
        """Run a stage; the run as stored, even when it failed."""
        run_id = uuid7()
        with self.context.database.begin() as connection:
            runs.create(
                connection,
                run_id=run_id,
                stage=stage,
                source="standin",
                request_id=None,
                parameters=parameters,
            )
        try:
            jobs.run_stage(self.context, run_id, stage, parameters, lambda _: None, wait=False)
        finally:
            with self.context.database.begin() as connection:
                self.last = dict(runs.find(connection, run_id) or {})
        return self.last

    def rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        with self.context.database.begin() as connection:
            return [dict(row) for row in connection.execute(sa.text(query), parameters).mappings()]

    def values(self, query: str, **parameters: Any) -> list[Any]:
        return [next(iter(row.values())) for row in self.rows(query, **parameters)]

    def content(self) -> dict[str, list[dict[str, Any]]]:
        """Every content table without what differs from run to run."""
        found = {}
        for table in CONTENT:
            dropped = "- 'id' - 'created_at' - 'updated_at' - 'leased_by' - 'next_at' - 'version'"
            found[table] = sorted(
                self.values(f"select (to_jsonb(t) {dropped})::text from {table} t")
            )
        return found

    def close(self) -> None:
        self.context.database.dispose()
        self.context.cache.close()


class Caller:
    """The stub, with metadata and a deadline."""

    def __init__(self, stub: Any, metadata: list[tuple[str, str]]) -> None:
        self._stub = stub
        self._metadata = metadata

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._stub, name)
        request = getattr(pb, f"{name}Request")
        return lambda **values: method(request(**values), metadata=self._metadata, timeout=20)
