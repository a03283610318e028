"""The daily export: ids and popularity of every movie, as gzip JSON lines, read as it comes."""

import time
import zlib
from collections.abc import AsyncIterator
from datetime import date, timedelta

import httpx
import structlog

from catalog.tmdb.errors import BadAnswer, ExportUnusable, SourceUnavailable
from catalog.tmdb.parsing import parsed
from catalog.tmdb.shapes import CENSUS_LINE, CensusLine

_GZIP = 31
_DAYS_BACK = 3
_BROKEN_ALLOWED = 0.01
_WHOLE_SECONDS = 1800.0
_UNPACKED_AT_ONCE = 1 << 20
_LONGEST_LINE = 1 << 20
_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
"""Less than the database lets a transaction be idle: the census is in one."""
_AS_IT_IS = {"accept-encoding": "identity"}
_OK = 200
_NOT_THERE = (403, 404)

log = structlog.get_logger()


async def census_lines(export_url: str, kind: str, today: date) -> AsyncIterator[list[CensusLine]]:
    """The newest export of a kind (`movie`, `adult_movie`), some thousand lines at a time.

    The file of a day is ready by 08:00 UTC: before that, yesterday's is the newest.
    """
    until = time.monotonic() + _WHOLE_SECONDS
    async with httpx.AsyncClient(
        timeout=_TIMEOUT, headers=_AS_IT_IS, follow_redirects=True
    ) as http:
        for days in range(_DAYS_BACK + 1):
            name = f"{kind}_ids_{today - timedelta(days=days):%m_%d_%Y}.json.gz"
            try:
                async with http.stream("GET", f"{export_url.rstrip('/')}/{name}") as response:
                    if _is_there(response.status_code, name):
                        async for lines in _lines(response.aiter_raw(), name):
                            if time.monotonic() > until:
                                raise ExportUnusable(f"export {name} takes too long")
                            yield lines
                        return
            except (httpx.TransportError, httpx.TooManyRedirects) as error:
                told = f"export {name}: {type(error).__name__} {error}"
                raise SourceUnavailable(told) from error
    raise ExportUnusable(f"no export of {kind} at {export_url} in the last {_DAYS_BACK} days")


def _is_there(status: int, name: str) -> bool:
    """Not there is for good; any other answer is trouble that passes, and no reason to take an
    older one."""
    if status not in (_OK, *_NOT_THERE):
        raise SourceUnavailable(f"export {name}: answered {status}")
    return status == _OK


async def _lines(content: AsyncIterator[bytes], name: str) -> AsyncIterator[list[CensusLine]]:
    rest, lines_count, broken = b"", 0, list[str]()
    async for unpacked in _unpacked(content, name):
        whole, _, rest = (rest + unpacked).rpartition(b"\n")
        lines = [line for line in whole.split(b"\n") if line]
        lines_count += len(lines)
        if lines:
            yield _read(lines, broken)
        elif len(rest) > _LONGEST_LINE:
            raise ExportUnusable(f"export {name} holds a line without an end")
    if rest.strip():
        lines_count += 1
        yield _read([rest], broken)
    _judge(name, lines_count, broken)


async def _unpacked(content: AsyncIterator[bytes], name: str) -> AsyncIterator[bytes]:
    """What is packed, never much of it at once; gzip may be several of its kind on end."""
    unpacker = zlib.decompressobj(_GZIP)
    async for piece in content:
        while piece := piece.lstrip(b"\0") if unpacker.eof else piece:  # some pad with zeros
            if unpacker.eof:
                unpacker = zlib.decompressobj(_GZIP)
            try:
                yield unpacker.decompress(piece, _UNPACKED_AT_ONCE)
            except zlib.error as error:
                raise ExportUnusable(f"export {name} is damaged: {error}") from error
            piece = unpacker.unconsumed_tail or unpacker.unused_data
    if not unpacker.eof:
        raise ExportUnusable(f"export {name} ends before its end")


def _read(lines: list[bytes], broken: list[str]) -> list[CensusLine]:
    """Those that make sense; what is wrong with the others goes to `broken`."""
    found: list[CensusLine] = []
    for line in lines:
        try:
            found.append(parsed(CENSUS_LINE, line))
        except BadAnswer as error:
            broken.append(f"{error} in {line[:200]!r}")
    return found


def _judge(name: str, lines_count: int, broken: list[str]) -> None:
    """A movie whose line is broken is verified by itself before it counts as gone."""
    if not broken:
        return
    log.warning("broken lines", export=name, count=len(broken), of=lines_count, first=broken[0])
    if len(broken) > lines_count * _BROKEN_ALLOWED:
        raise ExportUnusable(
            f"export {name}: {len(broken)} of {lines_count} lines make no sense: {broken[0]}"
        )
