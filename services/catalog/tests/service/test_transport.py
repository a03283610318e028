"""Asking over HTTP: connections are kept; what comes back is an answer or a clear refusal."""

import asyncio
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from catalog.tmdb import connection as connections
from catalog.tmdb import transport as transports
from catalog.tmdb.budget import RateBudget
from catalog.tmdb.client import Access, connected
from catalog.tmdb.connection import BodyTooLarge, Left, NoAnswer
from catalog.tmdb.errors import BadAnswer, SourceDenied
from catalog.tmdb.transport import Direct, Proxied, transport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Server:
    """Says what it is told to, request by request; connection by connection where it closes."""

    port = 0
    url = ""

    def __init__(self, answers):
        self.answers = iter(answers)
        self.requests = []
        self.connections_count = 0
        self.talks = set()

    async def talk(self, reader, writer):
        self.connections_count += 1
        self.talks.add(asyncio.current_task())
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                self.requests.append(request.decode())
                answer = next(self.answers)
                writer.write(answer.removesuffix(CLOSE))
                if answer.endswith(CLOSE):
                    break
        except (
            asyncio.IncompleteReadError,
            ConnectionError,
            StopIteration,
            asyncio.CancelledError,
        ):
            pass
        finally:
            writer.close()


CLOSE = b"(and the connection is closed)"


@asynccontextmanager
async def serving(*answers, tls=None):
    one = Server(answers)
    server = await asyncio.start_server(one.talk, "127.0.0.1", 0, ssl=tls)
    async with server:
        one.port = server.sockets[0].getsockname()[1]
        scheme = "https" if tls else "http"
        one.url = f"{scheme}://127.0.0.1:{one.port}/3"
        yield one
        for talk in one.talks:
            talk.cancel()
        await asyncio.gather(*one.talks, return_exceptions=True)


@asynccontextmanager
async def asking(url, seconds=20.0):
    way = Direct(url, {"accept": "application/json"}, seconds)
    try:
        yield way
    finally:
        await way.close()


async def test_a_connection_is_used_again_and_the_request_is_as_it_should_be():
    async with serving(OK, OK) as server, asking(server.url) as way:
        for _ in range(2):
            response = await way.get("/movie/5?language=en-US")
            assert (response.status, response.body) == (200, b"{}")
    assert server.connections_count == 1
    line, *headers = server.requests[1].split("\r\n")
    assert line == "GET /3/movie/5?language=en-US HTTP/1.1"
    assert set(headers) >= {f"host: 127.0.0.1:{server.port}", "accept: application/json"}


PIECES = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
TWICE = b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 2\r\n\r\n{}"


@pytest.mark.parametrize(
    ("answer", "connections_count"),
    [
        (OK, 1),
        (PIECES, 1),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK, 1),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", 2),
        (b"HTTP/1.1 200 OK\r\n\r\n{}" + CLOSE, 2),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", 2),
        (OK + b"more than was asked for", 2),
        (OK + OK, 2),
    ],
)
async def test_every_way_to_say_where_a_body_ends_is_understood(answer, connections_count):
    async with serving(answer, OK) as server, asking(server.url) as way:
        assert (await way.get("/a")).body == b"{}"
        assert (await way.get("/b")).body == b"{}"
    assert server.connections_count == connections_count


async def test_headers_that_come_twice_are_one():
    async with serving(TWICE) as server, asking(server.url) as way:
        assert (await way.get("/a")).headers["x-a"] == "1, 2"


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{" + CLOSE,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{" + CLOSE,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnine\r\n{" + CLOSE,
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000,
        CLOSE,
    ],
)
async def test_what_is_no_whole_answer_is_none(answer):
    async with serving(answer, OK) as server, asking(server.url) as way:
        with pytest.raises(NoAnswer):
            await way.get("/a")
        assert (await way.get("/b")).body == b"{}"
    assert server.connections_count == 2


async def test_a_kept_connection_that_was_closed_meanwhile_is_no_complaint(monkeypatch):
    async with serving(OK, CLOSE, OK) as server, asking(server.url) as way:
        await way.get("/a")
        with pytest.raises(Left):
            await way.get("/b")
        assert (await way.get("/b")).status == 200
    async with serving(OK, CLOSE, OK) as server:
        budget = RateBudget(1000)
        async with connected(Access(server.url, "t", "", 1, attempts=1), budget) as tmdb:
            for _ in range(2):
                assert (await tmdb.get("/b")).body == b"{}"
        assert budget.rate == 1000


async def test_a_connection_idle_for_long_is_not_trusted(monkeypatch):
    async with serving(OK, OK) as server, asking(server.url) as way:
        await way.get("/a")
        monkeypatch.setattr(transports, "_KEPT_SECONDS", 0.0)
        await way.get("/b")
    assert server.connections_count == 2


async def test_no_body_is_larger_than_a_body_may_be(monkeypatch):
    for module in (connections, transports):
        monkeypatch.setattr(module, "LARGEST_BODY", 1000)
    endless = b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 5000
    async with serving(endless, endless) as server, asking(server.url) as way:
        with pytest.raises(BodyTooLarge):
            await way.get("/a")
        async with connected(Access(server.url, "t", "", 1, attempts=1), RateBudget(99)) as tmdb:
            with pytest.raises(BadAnswer, match="too large"):
                await tmdb.get("/a")


async def test_an_answer_that_takes_too_long_is_none_and_its_connection_is_not_used_again():
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{"
    async with serving(half, OK) as server, asking(server.url, seconds=0.2) as way:
        with pytest.raises(TimeoutError):
            await way.get("/a")
        assert (await way.get("/b")).body == b"{}"
    assert server.connections_count == 2


def test_a_loop_can_be_closed_whatever_was_under_way():
    async def given_up(after):
        async with serving(*[OK] * 40) as server, asking(server.url) as way:
            asked = [asyncio.create_task(way.get("/a")) for _ in range(20)]
            for _ in range(after):
                await asyncio.sleep(0)
            for one in asked:
                one.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    for after in range(8):
        uvloop.run(given_up(after))


async def test_nobody_there_is_no_answer():
    async with serving() as server:
        url = server.url
    async with asking(url) as way:
        with pytest.raises(NoAnswer, match="cannot connect"):
            await way.get("/a")


@pytest.fixture
def tls(tmp_path):
    """A server's TLS, and the file of who vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "certificate.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context, pem


async def test_over_tls_only_who_is_vouched_for_under_that_name_is_asked(tls, monkeypatch):
    context, pem = tls
    async with serving(OK, tls=context) as server:
        named = server.url.replace("127.0.0.1", "localhost")
        async with asking(named) as way:
            with pytest.raises(NoAnswer, match="CERTIFICATE_VERIFY_FAILED"):
                await way.get("/a")
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        async with asking(server.url) as way:
            with pytest.raises(NoAnswer, match="IP address mismatch"):
                await way.get("/a")
        assert server.requests == []
        async with asking(named) as way:
            assert (await way.get("/a")).body == b"{}"


async def test_the_proxy_of_the_environment_is_asked_instead(monkeypatch):
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    async with serving(OK, PIECES) as proxy:
        monkeypatch.setenv("http_proxy", f"http://me:secret@127.0.0.1:{proxy.port}")
        way = transport("http://api.example/3", {"x-a": "1"}, 20.0)
        assert isinstance(way, Proxied)
        for _ in range(2):
            assert (await way.get("/movie/5?a=b")).body == b"{}"
        await way.close()
        monkeypatch.setenv("no_proxy", "api.example")
        assert isinstance(transport("http://api.example/3", {}, 20.0), Direct)
    request = proxy.requests[0].lower()
    assert request.startswith("get http://api.example/3/movie/5?a=b http/1.1\r\n")
    assert "proxy-authorization: basic " in request
    assert "x-a: 1\r\n" in request


async def test_a_proxy_that_does_not_answer_is_no_answer(monkeypatch):
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    async with serving(CLOSE) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        way = transport("http://api.example/3", {}, 20.0)
        with pytest.raises(NoAnswer):
            await way.get("/a")
        await way.close()


async def test_a_token_with_the_end_of_its_line_is_refused_before_anything_is_sent():
    async with serving(OK) as server:
        with pytest.raises(SourceDenied, match="TMDB_READ_TOKEN"):
            async with connected(Access(server.url, "token\n", "", 1, 1), RateBudget(9)):
                pass
    assert server.connections_count == 0
