"""The short way: the same bytes as the table of paths, and whatever HTTP allows on a connection."""

import socket
import time

import pytest

from estafeta_testing.site import BROWSER, Site
from estafeta_web import short_way
from estafeta_web.answers import PIXEL
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
    """Send the pieces one by one and return everything that comes until the service hangs up."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as connection:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(seconds)
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
