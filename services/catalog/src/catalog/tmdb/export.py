"""The daily export: ids and popularity of every movie, as gzip JSON lines."""

import asyncio
import gzip
import tempfile
import time
import zlib
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from itertools import chain
from typing import IO, Any

import httpx
import structlog

from catalog.tmdb.errors import BadAnswer, ExportUnusable, SourceUnavailable
from catalog.tmdb.parsing import parsed
from catalog.tmdb.shapes import CENSUS_LINE, CensusLine

_DAYS_BACK = 3
_BROKEN_ALLOWED, _MOST_BROKEN = 0.01, 100_000
_WHOLE_SECONDS = 1800.0
_LARGEST = 128 << 20
"""Six times a million movies; a container's /tmp may be part of its memory."""
_UNPACKED_AT_ONCE = 1 << 18
_LONGEST_LINE = 1 << 20
_TELL_SECONDS = 1.0
_TIMEOUT = httpx.Timeout(10.0, connect=5.0)
_AS_IT_IS = {"accept-encoding": "identity"}
_OK = 200
_NOT_THERE = (403, 404)
_TOO_MANY = 429
_SERVER_ERROR = 500

Export = Callable[[], Iterator[list[CensusLine]]]
"""Its lines from the first on, each time it is called; some thousand at once."""

log = structlog.get_logger()


@contextmanager
def newest_export(
    export_url: str, kind: str, today: date, tell: Callable[[], None]
) -> Generator[Export]:
    """The newest export of a kind (`movie`, `adult_movie`).

    All of it is here before the first line is read; `tell` hears of each second of waiting for it,
    and may raise.
    """
    with tempfile.TemporaryFile() as file:
        name = asyncio.run(_newest(file, export_url, kind, today, tell))
        yield partial(_lines, file, name)


async def _newest(
    file: IO[bytes], export_url: str, kind: str, today: date, tell: Callable[[], None]
) -> str:
    """Answers the name of the newest: a day's is ready by 08:00 UTC, before that yesterday's is."""
    async with httpx.AsyncClient(
        timeout=_TIMEOUT, headers=_AS_IT_IS, follow_redirects=True
    ) as http:
        for days in range(_DAYS_BACK + 1):
            name = f"{kind}_ids_{today - timedelta(days=days):%m_%d_%Y}.json.gz"
            download = _download(file, http, f"{export_url.rstrip('/')}/{name}", name)
            if await _in_time(download, name, tell):
                return name
    raise ExportUnusable(f"no export of {kind} at {export_url} in the last {_DAYS_BACK} days")


async def _in_time(
    download: Coroutine[Any, Any, bool], name: str, tell: Callable[[], None]
) -> bool:
    """What comes of it, unless that takes too long: a server may trickle, its headers as well."""
    until = time.monotonic() + _WHOLE_SECONDS
    task = asyncio.ensure_future(download)
    try:
        while not (await asyncio.wait({task}, timeout=_TELL_SECONDS))[0]:
            tell()
            if time.monotonic() > until:
                raise SourceUnavailable(f"export {name} takes too long")
        return task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _download(file: IO[bytes], http: httpx.AsyncClient, url: str, name: str) -> bool:
    """Whether it is there; if so, the file holds all of it."""
    try:
        async with http.stream("GET", url) as response:
            if not _is_there(response.status_code, name):
                return False
            async for piece in response.aiter_raw():
                if response.num_bytes_downloaded > _LARGEST:
                    raise ExportUnusable(f"export {name} is larger than {_LARGEST >> 20} MiB")
                file.write(piece)
            if not response.num_bytes_downloaded:
                raise ExportUnusable(f"export {name} is empty")
            return True
    except (httpx.TransportError, httpx.TooManyRedirects) as error:
        raise SourceUnavailable(f"export {name}: {type(error).__name__} {error}") from error


def _is_there(status: int, name: str) -> bool:
    """Not there is a reason to take an older one; trouble passes, and a refusal does not."""
    if status == _TOO_MANY or status >= _SERVER_ERROR:
        raise SourceUnavailable(f"export {name}: answered {status}")
    if status not in (_OK, *_NOT_THERE):
        raise ExportUnusable(
            f"export {name}: answered {status}; exports need no token: look at TMDB_EXPORT_URL"
        )
    return status == _OK


def _lines(file: IO[bytes], name: str) -> Iterator[list[CensusLine]]:
    file.seek(0)
    rest, lines_count, broken = b"", 0, list[str]()
    for unpacked in chain(_unpacked(file, name), (b"\n",)):
        whole, _, rest = (rest + unpacked).rpartition(b"\n")
        lines = [line for line in whole.split(b"\n") if line]
        lines_count += len(lines)
        yield _read(lines, broken)
        if len(rest) > _LONGEST_LINE:
            raise ExportUnusable(f"export {name} holds a line without an end")
        if len(broken) > _MOST_BROKEN:
            break
    _judge(name, lines_count, broken)


def _unpacked(file: IO[bytes], name: str) -> Iterator[bytes]:
    """What is packed, never much of it at once."""
    with gzip.open(file) as unpacker:
        try:
            while piece := unpacker.read(_UNPACKED_AT_ONCE):
                yield piece
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ExportUnusable(f"export {name} is damaged: {error}") from error


def _read(lines: list[bytes], broken: list[str]) -> list[CensusLine]:
    """Those that make sense; the others are counted in `broken`, of which the first says why."""
    found: list[CensusLine] = []
    for line in lines:
        try:
            found.append(parsed(CENSUS_LINE, line))
        except BadAnswer as error:
            broken.append("" if broken else f"{error} in {line[:200]!r}")
    return found


def _judge(name: str, lines_count: int, broken: list[str]) -> None:
    """Refuse an export too much of which makes no sense. A little is borne: what a census lacks is
    looked up before it counts as gone."""
    if not broken:
        return
    log.warning("broken lines", export=name, count=len(broken), of=lines_count, first=broken[0])
    if len(broken) > min(lines_count * _BROKEN_ALLOWED, _MOST_BROKEN):
        raise ExportUnusable(
            f"export {name}: {len(broken)} of {lines_count} lines make no sense: {broken[0]}"
        )
