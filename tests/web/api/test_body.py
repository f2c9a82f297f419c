"""What a client may send, felt over HTTP at the path that takes the largest."""

import json
import socket
from collections.abc import Callable

import httpx2
import pytest

from estafeta_testing.site import KEYS, Site
from estafeta_web.api import body

Ask = Callable[..., httpx2.Response]
PATH = "/api/v1/suppression-list/a@b.example"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b"{", "is not JSON"),
        (b"\xff", "is not UTF-8"),
        (b"\xef\xbb\xbf{}", "is not JSON"),
        (b'{"type":"transactional","type":"open_tracking"}', "has a key twice"),
        (b'{"a":NaN}', "is not JSON"),
        (b'{"a":1e999}', "is not JSON"),
        (b'{"a":' + b"9" * 30 + b"}", "is not JSON"),
        (b'{"a":"\\ud800"}', "is not JSON"),
        (b'{"a":' + b"[" * 40 + b"]" * 40 + b"}", "is not JSON"),
        (b'{"a":[' + b"[]," * 2000 + b"[]]}", "has too many parts"),
    ],
)
def test_d1_d2_d3_d4_what_not_every_reader_takes_is_refused(ask: Ask, content: bytes, expected: str) -> None:
    answer = ask(PATH, "PUT", content=content)
    assert answer.status_code == 400
    assert expected in answer.json()["errors"][0]["message"]


def test_h14_a_body_that_is_too_long_is_not_read_to_its_end(ask: Ask) -> None:
    answer = ask(PATH, "PUT", content=b" " * (body.SMALL.size + 1))
    assert (answer.status_code, answer.headers["connection"]) == (413, "close")
    assert answer.json()["errors"]


def test_an_entry_may_be_as_long_as_the_bound(ask: Ask) -> None:
    text = json.dumps({"type": "transactional"})
    assert ask(PATH, "PUT", content=text.ljust(body.SMALL.size).encode()).status_code == 200


def test_h14_a_body_that_does_not_arrive_is_waited_for_so_long(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "BODY_SECONDS", 0.2)
    with socket.create_connection(("127.0.0.1", site.port), timeout=5) as client:
        head = f"PUT {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {KEYS['main']}\r\nContent-Length: 5\r\n\r\n"
        client.sendall(head.encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 408")
