"""Daily exports as they come over HTTP: whole, with a broken line, or of no use."""

import contextlib
import gzip
import random
import time
from collections.abc import Callable
from datetime import date

import pytest
from catalog_serving import Handler, serving

from catalog.tmdb import export
from catalog.tmdb.errors import ExportUnusable, SourceUnavailable
from chassis.jobs import Interrupted

LINE = b'{"adult":false,"id":%d,"original_title":"A","popularity":1.5,"video":false}\n'
WHOLE = b"".join(LINE % number for number in range(1, 301))
BROKEN = b'{"id": null}\n'


def ids_at(url: str, tell: Callable[[], None] = lambda: None) -> list[int]:
    with export.newest_export(f"{url}/p/exports/", "movie", date(2026, 3, 5), tell) as found:
        return [line.id for lines in found() for line in lines]


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

        with serving(Answers) as url:
            return ids_at(url)

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
    with pytest.raises(ExportUnusable, match="before the end"):
        export_of(gzip.compress(WHOLE)[:-20])
    with pytest.raises(ExportUnusable, match="damaged"):
        export_of(b"<html>")
    with pytest.raises(ExportUnusable, match="empty"):
        export_of(b"")


def test_an_export_packed_in_several_parts_is_read_whole(export_of):
    parts = [gzip.compress(WHOLE[:5000]), gzip.compress(WHOLE[5000:]), gzip.compress(b"")]
    assert export_of(b"".join(parts)) == list(range(1, 301))
    assert export_of(b"".join(parts) + bytes(512)) == list(range(1, 301))
    with pytest.raises(ExportUnusable, match="before the end"):
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


@pytest.mark.parametrize("status", [400, 401, 410])
def test_a_server_that_refuses_is_somebodys_to_look_at(export_of, status):
    with pytest.raises(ExportUnusable, match=f"answered {status}.* TMDB_EXPORT_URL"):
        export_of(gzip.compress(WHOLE), days_old=1, otherwise=status)


class Trickles(Handler):
    """Byte by byte, never to its end."""

    def do_GET(self):
        self.send_response_only(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b"A")
                time.sleep(0.01)


class TricklesHeaders(Handler):
    """Header by header, never to their end."""

    def do_GET(self):
        self.send_response_only(200)
        self.flush_headers()
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b"X-More: 1\r\n")
                time.sleep(0.05)


TRICKLES = pytest.mark.parametrize("server", [Trickles, TricklesHeaders])


@TRICKLES
def test_an_export_that_trickles_in_has_an_end(monkeypatch, server):
    monkeypatch.setattr(export, "_WHOLE_SECONDS", 0.2)
    with serving(server) as url, pytest.raises(SourceUnavailable, match="takes too long"):
        ids_at(url)


def test_an_export_without_end_does_not_fill_the_disk(monkeypatch, export_of):
    monkeypatch.setattr(export, "_LARGEST", 1 << 20)
    with pytest.raises(ExportUnusable, match="larger than 1 MiB"):
        export_of(bytes(2 << 20))


@TRICKLES
def test_whoever_waits_for_an_export_can_stop_at_any_time(server):
    def stop() -> None:
        raise Interrupted

    with serving(server) as url, pytest.raises(Interrupted):
        ids_at(url, stop)


def test_an_export_cut_off_on_its_way_is_asked_for_again():
    class CutsOff(Handler):
        def do_GET(self):
            self.send_response_only(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(gzip.compress(WHOLE)[:100])

    with serving(CutsOff) as url, pytest.raises(SourceUnavailable, match="RemoteProtocolError"):
        ids_at(url)
