"""Exports whose lines are all right and whose whole is not."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from catalog.tmdb.errors import ExportUnusable
from chassis.errors import Unavailable


def lines_of(*movie_ids: int, adult: bool = False) -> bytes:
    told = '{"adult":%s,"id":%d,"popularity":1.5}\n'
    return "".join(told % (str(adult).lower(), number) for number in movie_ids).encode()


@contextmanager
def exported(movies: bytes, adults: bytes = b"", status: int = 200) -> Iterator[str]:
    """A server whose exports of any day hold these lines."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            body = gzip.compress(adults if "/adult_movie_ids_" in self.path else movies)
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format, *args):  # noqa: A002 - the base class names it so
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def census_of(syncing, *told, **others):
    with exported(*told, **others) as url:
        syncing.context = replace(syncing.context, export_url=url)
        return syncing.run("census")


def test_a_movie_that_an_export_names_twice_is_one_and_the_last_line_counts(syncing):
    many = range(1, 30_001)  # far enough apart to come in different pieces
    run = census_of(syncing, lines_of(*many, 5), lines_of(7, adult=True))
    assert (run["state"], run["done_count"]) == ("done", 30_000)
    assert syncing.values("select count(*) from sync_item") == [30_000]
    assert syncing.values("select movie_id from sync_item where adult") == [7]
    assert syncing.values("select value from sync_watermark where name = 'census_count'") == [
        "30000"
    ]


def test_an_export_without_a_movie_is_not_believed_the_first_time_either(syncing):
    with pytest.raises(ExportUnusable, match="names no movie"):
        census_of(syncing, b"")
    assert syncing.values("select count(*) from sync_watermark") == [0]


def test_a_census_that_meets_a_server_in_trouble_is_tried_again(syncing):
    with pytest.raises(Unavailable):
        census_of(syncing, lines_of(1), status=503)
    assert "answered 503; will be tried again" in syncing.last["error"]
