"""The short way: the same bytes as the table of paths, and whatever HTTP allows on a connection."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from estafeta_core.links import Links
from estafeta_testing.both_ways import BothWays, both_ways
from estafeta_testing.site import BROWSER, KEY, Site
from estafeta_web import short_way
from estafeta_web.answers import PIXEL
from estafeta_web.connection import Connection
from estafeta_web.short_way import ShortWay
from estafeta_web.tracking import Tracking

TARGET = "https://example.com/?a=1&b=ñ"


def paths(site: Site) -> list[str]:
    """Return a pixel and a link of one message."""
    message_id = site.message().message_id
    urls = site.links.pixel(message_id, initial=True), site.links.click(message_id, TARGET, "a link")
    return ["/" + url.split("/", 3)[3] for url in urls]


def request(path: str, *fields: str, method: str = "GET", version: str = "1.1") -> bytes:
    head = (f"{method} {path} HTTP/{version}", "Host: x", f"User-Agent: {BROWSER}", *fields)
    return "\r\n".join((*head, "", "")).encode()


def asked(site: Site, *pieces: bytes, seconds: float = 0.0) -> bytes:
    """Send the pieces, each when the one before was read; return what comes until the service hangs up."""
    read = threading.Semaphore(0)
    receive = Connection.data_received

    def spy(self: Connection, data: bytes) -> None:
        receive(self, data)
        read.release(len(data))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "data_received", spy)
        with socket.create_connection(("127.0.0.1", site.port), timeout=10) as connection:
            before = b""
            for piece in pieces:
                for _ in before:
                    assert read.acquire(timeout=10)
                connection.sendall(piece)
                time.sleep(seconds)
                before = piece
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
    return b"\r\n".join(line for line in answer.split(b"\r\n") if not line.startswith(b"date: "))


def types(site: Site) -> list[str]:
    return sorted(each.event.type for each in site.events("click", "initial_open"))


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return the paths of requests that went the short way."""
    found: list[bytes] = []
    find = ShortWay.answer

    def spy(self: ShortWay, request: short_way.Request, host: str) -> object:
        answer = find(self, request, host)
        if answer is not None:
            found.append(request.path)
        return answer

    monkeypatch.setattr(ShortWay, "answer", spy)
    return found


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("query", ["", "?utm=1"])
@pytest.mark.parametrize("which", [0, 1])
def test_both_ways_answer_with_the_same_bytes_and_record_the_same(
    site: Site, taken: list[bytes], monkeypatch: pytest.MonkeyPatch, which: int, query: str, method: str
) -> None:
    path = paths(site)[which] + query
    wanted = request(path, "Connection: close", method=method)
    short = asked(site, wanted)
    assert len(taken) == 1
    monkeypatch.setattr(short_way, "PATHS", {})
    long = asked(site, wanted)
    assert len(taken) == 1
    assert short == long
    assert short.startswith((b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 302 Found\r\n")[which])
    one, other = site.events("click", "initial_open")
    assert (one.event.type, one.event.data, one.message) == (
        other.event.type,
        other.event.data,
        other.message,
    )


def test_requests_follow_one_another_on_a_connection(site: Site, taken: list[bytes]) -> None:
    pixel, click = paths(site)
    answers = asked(site, request(pixel), request(click), request(pixel, "Connection: close"), seconds=0.05)
    assert [part.split(b"\r\n")[0] for part in answers.split(b"HTTP/1.1 ")[1:]] == [
        b"200 OK",
        b"302 Found",
        b"200 OK",
    ]
    assert answers.endswith(b"\r\n\r\n" + PIXEL)
    assert len(taken) == 3
    assert types(site) == ["click", "initial_open", "initial_open"]


def test_requests_that_do_not_wait_are_answered_in_their_order(site: Site) -> None:
    pixel, click = paths(site)
    wanted = [pixel, click, "/healthz", click, pixel, "/c/forged", pixel, click]
    pieces = [request(path) for path in wanted[:-1]] + [request(wanted[-1], "Connection: close")]
    answers = asked(site, b"".join(pieces))
    assert [part.split(b" ")[0] for part in answers.split(b"HTTP/1.1 ")[1:]] == [
        b"200",
        b"302",
        b"200",
        b"302",
        b"200",
        b"404",
        b"200",
        b"302",
    ]
    assert types(site) == ["click"] * 3 + ["initial_open"] * 3


@pytest.mark.parametrize("size", [1, 7, 40])
def test_a_request_in_pieces_goes_the_long_way(site: Site, taken: list[bytes], size: int) -> None:
    wanted = request(paths(site)[1], "Connection: close")
    pieces = [wanted[place : place + size] for place in range(0, len(wanted), size)]
    assert asked(site, *pieces).startswith(b"HTTP/1.1 302 Found\r\n")
    assert taken == []


def test_an_old_client_gets_its_answer_and_the_end_of_the_connection(site: Site) -> None:
    answer = asked(site, request(paths(site)[0], version="1.0"))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nconnection: close\r\n" in answer


def test_a_body_that_means_nothing_disturbs_nothing(site: Site) -> None:
    pixel, click = paths(site)
    first = request(pixel, "Content-Length: 5") + b"hello"
    answers = asked(site, first, request(click, "Connection: close"), seconds=0.05)
    assert [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]] == [b"200", b"302"]


@pytest.mark.parametrize(
    "fields", [("Expect: 100-continue",), ("Connection: Upgrade, close", "Upgrade: websocket")]
)
def test_what_wants_more_of_the_protocol_goes_the_long_way(
    site: Site, taken: list[bytes], fields: tuple[str, ...]
) -> None:
    answer = asked(site, request(paths(site)[0], *fields), request("/", "Connection: close"), seconds=0.05)
    assert b"HTTP/1.1 200 OK\r\n" in answer
    assert taken == []
    assert types(site) == ["initial_open"]


def test_a_client_that_is_gone_when_its_answer_is_ready_has_been_recorded(site: Site) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", site.port), timeout=10) as connection:
            connection.sendall(request(paths(site)[1]))
    site.wait_until(lambda: types(site) == ["click"] * 20)
    assert site.http.get("/healthz").status_code == 200


def test_short_answers_are_counted_like_all(site: Site) -> None:
    for path in paths(site):
        site.http.get(path)
    text = site.http.get("/metrics").text
    for name, status, kind in (("open", 200, "initial_open"), ("click", 302, "click")):
        assert f'estafeta_web_requests_total{{path="{name}",status="{status}"}} 1.0' in text
        assert f'estafeta_web_request_seconds_count{{path="{name}"}} 1.0' in text
        assert f'estafeta_web_events_total{{kept="journal",type="{kind}"}} 1.0' in text


def test_a_bug_costs_the_record_and_nobody_his_answer(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(Tracking, "line")
    pixel, click = paths(site)
    assert site.http.get(pixel).content == PIXEL
    assert site.http.get(click).status_code == 302
    assert "the short way failed" in caplog.text
    assert "could not be recorded" in caplog.text


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BothWays]:
    with both_ways(tmp_path_factory.mktemp("both")) as made:
        yield made


LINKS = Links([KEY], "http://x", "bounce.example.com")
CLICK = LINKS.click(7, "https://example.com/?a=1&b=ñ", "a link").removeprefix("http://x")
PIXEL_PATH = LINKS.pixel(7, initial=True).removeprefix("http://x")
PLAIN = request(CLICK, "Accept: */*")
NEXT = request(PIXEL_PATH)
# What one server takes for the end of a request and another does not, and what else a head may have in it.
HOSTILE = {
    "nothing": b"",
    "a line end before it": b"\r\n" + PLAIN,
    "an LF before it": b"\n" + PLAIN,
    "a CR before it": b"\r" + PLAIN,
    "a line end behind it": PLAIN + b"\r\n" + NEXT,
    "garbage behind it": PLAIN + b"\x16\x03\x01" + NEXT,
    "bare LF": PLAIN.replace(b"\r\n", b"\n") + NEXT,
    "bare LF in a field": PLAIN.replace(b"*/*", b"*/*\nX: y") + NEXT,
    "bare LF ends the head": PLAIN[:-2] + b"\n" + NEXT,
    "bare CR in a field": PLAIN.replace(b"*/*", b"*/*\rX: y") + NEXT,
    "two CR": PLAIN.replace(b"*/*\r", b"*/*\r\r") + NEXT,
    "NUL in a field": PLAIN.replace(b"*/*", b"*/\0*"),
    "NUL in a name": PLAIN.replace(b"Accept", b"Acc\0ept"),
    "NUL in the path": PLAIN.replace(b" HTTP", b"\0 HTTP"),
    "DEL in a field": PLAIN.replace(b"*/*", b"*/\x7f*"),
    "Latin-1 in a field": PLAIN.replace(b"*/*", b"\xf1\xff"),
    "Latin-1 in the agent": PLAIN.replace(b"Mozilla", b"Mozi\xf1a"),
    "Latin-1 in a name": PLAIN.replace(b"Accept", b"Acc\xe9pt"),
    "a tab in a field": PLAIN.replace(b"*/*", b"*/*\t;q=1"),
    "obs-fold": PLAIN.replace(b"*/*", b"*/*\r\n more") + NEXT,
    "obs-fold of the first field": PLAIN.replace(b"Host", b" Host") + NEXT,
    "a space before the colon": PLAIN.replace(b"Accept:", b"Accept :"),
    "no space behind the colon": PLAIN.replace(b": ", b":"),
    "many spaces behind the colon": PLAIN.replace(b"User-Agent: ", b"User-Agent:   \t "),
    "spaces at the end": PLAIN.replace(b"\r\nAccept", b" \t\r\nAccept"),
    "no colon": PLAIN.replace(b"Accept: ", b"Accept"),
    "neither colon nor space": PLAIN.replace(b"Accept: */*", b"Accept"),
    "no name": PLAIN.replace(b"Accept: ", b": "),
    "no value": PLAIN.replace(b"*/*", b""),
    "no fields": b"GET %b HTTP/1.1\r\n\r\n" % CLICK.encode() + NEXT,
    "two hosts": PLAIN.replace(b"Accept: */*", b"Host: other"),
    "two agents": request(CLICK, "User-Agent: other"),
    "no agent": PLAIN.replace(b"User-Agent", b"X-Agent"),
    "an odd name": PLAIN.replace(b"Accept", b"!#$%&'*+-.^_`|~1a"),
    "absolute form": PLAIN.replace(b"GET /", b"GET http://x/"),
    "asterisk": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n" + NEXT,
    "connect": b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n" + NEXT,
    "HTTP/1.0": request(CLICK, version="1.0") + NEXT,
    "HTTP/1.0 that would stay": request(CLICK, "Connection: keep-alive", version="1.0") + NEXT,
    "HTTP/0.9": b"GET %b\r\n" % CLICK.encode() + NEXT,
    "HTTP/1.2": request(CLICK, version="1.2") + NEXT,
    "HTTP/2": request(CLICK, version="2.0") + NEXT,
    "http/1.1": PLAIN.replace(b"HTTP", b"http"),
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "two spaces": PLAIN.replace(b" HTTP", b"  HTTP"),
    "a tab for a space": PLAIN.replace(b" HTTP", b"\tHTTP"),
    "a space at the end of the line": PLAIN.replace(b"HTTP/1.1", b"HTTP/1.1 "),
    "get": PLAIN.replace(b"GET", b"get"),
    "HEAD": request(CLICK, method="HEAD") + request(PIXEL_PATH, method="HEAD"),
    "POST": request(CLICK, "Content-Length: 0", method="POST") + NEXT,
    "a query": request(CLICK + "?a=b&c=%20/?d") + NEXT,
    "a fragment": request(CLICK + "#a") + NEXT,
    "a fragment in the query": request(CLICK + "?a#b") + NEXT,
    "Latin-1 in the query": PLAIN.replace(b" HTTP", b"?\xf1 HTTP"),
    "a percent in the token": request(CLICK.replace("/c/", "/c/%41")),
    "the token percent-encoded": request("/c/" + "".join(f"%{byte:02x}" for byte in CLICK[3:].encode())),
    "a slash behind it": request(CLICK + "/"),
    "two slashes before it": request("/" + CLICK),
    "dots": request("/o/.." + CLICK),
    "a pixel's token": request(PIXEL_PATH.replace("/o/", "/c/").removesuffix(".gif")),
    "a link's token": request(CLICK.replace("/c/", "/o/") + ".gif"),
    "a pixel without its end": request(PIXEL_PATH.removesuffix(".gif")),
    "forged": request(CLICK[:-1] + ("A" if CLICK[-1] != "A" else "B")),
    "a body": request(CLICK, "Content-Length: 5") + b"hello" + NEXT,
    "a request in the body": request(CLICK, f"Content-Length: {len(NEXT)}") + NEXT + NEXT,
    "no body": request(CLICK, "Content-Length: 0") + NEXT,
    "two lengths": request(CLICK, "Content-Length: 0", "Content-Length: 5") + NEXT,
    "a length with a sign": request(CLICK, "Content-Length: +0") + NEXT,
    "chunks": request(CLICK, "Transfer-Encoding: chunked") + b"0\r\n\r\n" + NEXT,
    "chunks and a length": request(CLICK, "Transfer-Encoding: chunked", "Content-Length: 4")
    + b"0\r\n\r\n"
    + NEXT,
    "chunks in odd letters": request(CLICK, "tRANSFER-eNCODING: xchunked") + b"0\r\n\r\n" + NEXT,
    "chunks behind a tab": request(CLICK, "Transfer-Encoding:\tchunked") + b"0\r\n\r\n" + NEXT,
    "close": request(CLICK, "Connection: close") + NEXT,
    "Close": request(CLICK, "connection: Close") + NEXT,
    "keep-alive": request(CLICK, "Connection: Keep-Alive") + NEXT,
    "close and keep-alive": request(CLICK, "Connection: close", "Connection: keep-alive") + NEXT,
    "keep-alive, close": request(CLICK, "Connection: keep-alive, close") + NEXT,
    "a proxy's close": request(CLICK, "Proxy-Connection: close") + NEXT,
    "a websocket": request(CLICK, "Connection: Upgrade", "Upgrade: websocket") + NEXT,
    "HTTP/2 in the clear": request(CLICK, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c") + NEXT,
    "an upgrade alone": request(CLICK, "Upgrade: h2c") + NEXT,
    "100-continue": request(CLICK, "Expect: 100-continue") + NEXT,
    "by a proxy": request(CLICK, "X-Forwarded-For: 198.51.100.7, 192.0.2.1") + NEXT,
    "by two proxies": request(CLICK, "X-Forwarded-For: 198.51.100.7", "x-forwarded-for: 203.0.113.9"),
    "by nobody": request(CLICK, "X-Forwarded-For: unknown"),
    "a long head": request(CLICK, "X-A: " + "a" * 5000) + NEXT,
    "a head that is too long": request(CLICK, "X-A: " + "a" * 70_000) + NEXT,
    "a long query": request(CLICK + "?" + "a" * 10_000) + NEXT,
    "another page between": NEXT + request("/nowhere") + PLAIN + NEXT,
    "TLS": bytes.fromhex("16030100c8010000c40303"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_request_is_the_same_with_and_without_the_short_way(both: BothWays, name: str) -> None:
    wire = HOSTILE[name]
    assert both.differ(wire) == ""
    assert both.differ(PLAIN + wire, len(PLAIN), len(PLAIN) + len(wire) // 2) == ""


def test_wherever_the_stream_is_cut_the_answers_are_the_same(both: BothWays) -> None:
    for place in range(1, len(NEXT) + 8):
        assert both.differ(NEXT + NEXT + PLAIN, place) == ""


_PIECES = (
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b":",
    b": ",
    b"\r\n\r\n",
    b"0",
    b"/",
    b"?",
    b"#",
    b"%",
    b",",
)
_FIELDS = (
    "Content-Length: 3",
    "Transfer-Encoding: chunked",
    "Connection: close",
    "Upgrade: x",
    "Expect: 100-continue",
)
_CHANGES = st.sampled_from(
    [
        *_PIECES,
        *(f"{field}\r\n".encode() for field in _FIELDS),
        b"",
        b"\x7f",
        b"\xff",
        b"HTTP/1.0",
        PLAIN,
        NEXT,
    ]
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    wire=st.lists(st.sampled_from([PLAIN, NEXT, *HOSTILE.values()]), min_size=1, max_size=3).map(b"".join),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 5), _CHANGES), max_size=4),
    cuts=st.lists(st.integers(0, 2000), max_size=3),
)
def test_no_bytes_tell_the_two_ways_apart(
    both: BothWays, wire: bytes, changes: list[tuple[int, int, bytes]], cuts: list[int]
) -> None:
    for place, taken, put in changes:
        start = place % (len(wire) + 1)
        wire = wire[:start] + put + wire[start + taken :]
    assert both.differ(wire, *(cut % (len(wire) + 1) for cut in cuts)) == ""
