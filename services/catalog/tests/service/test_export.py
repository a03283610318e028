"""Daily exports as they come over HTTP: whole, with a broken line, or of no use."""

import asyncio
import gzip
import random
from datetime import date

import pytest
from catalog_serving import Handler, serving

from catalog.tmdb.errors import ExportUnusable, SourceUnavailable
from catalog.tmdb.export import census_lines

LINE = b'{"adult":false,"id":%d,"original_title":"A","popularity":1.5,"video":false}\n'
WHOLE = b"".join(LINE % number for number in range(1, 301))
BROKEN = b'{"id": null}\n'


@pytest.fixture
def export_of():
    """The ids in an export that a server sends as these bytes."""

    def read(body: bytes, days_old: int = 0, otherwise: int = 404) -> list[int]:
        class Answers(Handler):
            def do_GET(self):
                if self.path.endswith(f"/movie_ids_03_{5 - days_old:02d}_2026.json.gz"):
                    self.tell(body)
                else:
                    self.tell(b"", otherwise)

        async def collected(url: str) -> list[int]:
            found = census_lines(f"{url}/p/exports/", "movie", date(2026, 3, 5))
            return [line.id async for lines in found for line in lines]

        with serving(Answers) as url:
            return asyncio.run(collected(url))

    return read


def test_an_export_is_read_to_its_end_newline_or_not(export_of):
    assert export_of(gzip.compress(WHOLE)) == list(range(1, 301))
    assert export_of(gzip.compress(WHOLE.rstrip())) == list(range(1, 301))


def test_before_todays_is_ready_yesterdays_is_the_newest(export_of):
    assert export_of(gzip.compress(WHOLE), days_old=1) == list(range(1, 301))
    with pytest.raises(ExportUnusable, match="in the last 3 days"):
        export_of(gzip.compress(WHOLE), days_old=4)


def test_a_broken_line_costs_no_other_but_many_cost_the_export(export_of):
    assert export_of(gzip.compress(WHOLE + BROKEN * 2)) == list(range(1, 301))
    with pytest.raises(ExportUnusable, match="30 of 330 lines"):
        export_of(gzip.compress(WHOLE + BROKEN * 30))


def test_an_export_that_is_cut_short_or_no_gzip_is_refused(export_of):
    with pytest.raises(ExportUnusable, match="before its end"):
        export_of(gzip.compress(WHOLE)[:-20])
    with pytest.raises(ExportUnusable, match="damaged"):
        export_of(b"<html>")


def test_an_export_packed_in_several_parts_is_read_whole(export_of):
    parts = [gzip.compress(WHOLE[:5000]), gzip.compress(WHOLE[5000:]), gzip.compress(b"")]
    assert export_of(b"".join(parts)) == list(range(1, 301))
    assert export_of(b"".join(parts) + bytes(512)) == list(range(1, 301))
    with pytest.raises(ExportUnusable, match="before its end"):
        export_of(b"".join(parts[:2])[:-20])
    with pytest.raises(ExportUnusable, match="damaged"):
        export_of(parts[0] + b"<html>")


def test_however_much_an_export_unpacks_to_it_is_read_in_pieces(export_of):
    padded = LINE.replace(b'"A"', b'"%s"' % (b"A" * 5000))
    many = b"".join(padded % number for number in range(1, 2001))
    assert export_of(gzip.compress(many)) == list(range(1, 2001))
    with pytest.raises(ExportUnusable, match="a line without an end"):
        export_of(gzip.compress(bytes(50_000_000)))
    with pytest.raises(ExportUnusable, match="a line without an end"):
        export_of(gzip.compress(random.Random(1).randbytes(5_000_000).replace(b"\n", b"")))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_in_trouble_is_no_reason_to_take_an_older_export(export_of, status):
    with pytest.raises(SourceUnavailable, match=str(status)):
        export_of(gzip.compress(WHOLE), days_old=1, otherwise=status)
