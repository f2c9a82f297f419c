"""What a client may send, and how slowly."""

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from estafeta_core.links import Links
from estafeta_testing.both_ways import both_ways
from estafeta_testing.site import KEY, Site
from estafeta_web import connection
from estafeta_web.connection import INCOMPLETE_BYTES, PIPELINED

HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
CHUNKED = b"POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
FLOOD = 64 * 1024 * 1024


def dialled(site: Site) -> socket.socket:
    url = site.http.base_url
    return socket.create_connection((url.host, url.port or 80), timeout=20)


def taken(client: socket.socket, pieces: Iterable[bytes]) -> int:
    """Return how many bytes the service took before it hung up."""
    sent = 0
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            client.sendall(piece)
            sent += len(piece)
    return sent


def ended(client: socket.socket) -> bytes:
    """Return all that comes until the service hangs up."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while data := client.recv(65536):
            received += data
    return received


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        pytest.param(HEAD + b"X-A: ", b"a" * 65536, id="one field"),
        pytest.param(HEAD, b"a:b\r\n" * 13_000, id="many fields"),
        pytest.param(b"GET /", b"a" * 65536, id="path"),
        pytest.param(CHUNKED + b"0\r\n", b"a:b\r\n" * 13_000, id="trailers"),
    ],
)
def test_h9_what_never_becomes_a_request_is_not_collected(site: Site, start: bytes, piece: bytes) -> None:
    with dialled(site) as client:
        client.sendall(start)
        assert taken(client, [piece] * (FLOOD // len(piece))) < FLOOD / 2


def test_h9_a_head_that_is_too_long_is_answered_400(site: Site) -> None:
    with dialled(site) as client:
        client.sendall(HEAD + b"X-A: " + b"a" * INCOMPLETE_BYTES)
        assert ended(client).startswith(b"HTTP/1.1 400 ")


def test_a_long_head_and_many_requests_in_one_connection_are_served(site: Site) -> None:
    with dialled(site) as client:
        for _ in range(5):
            client.sendall(HEAD + b"X-A: " + b"a" * (INCOMPLETE_BYTES - 1000) + b"\r\n\r\n")
            received = b""
            while b'"store"' not in received:
                received += client.recv(65536)
            assert received.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(HEAD + b"X-A", id="half a head"),
        pytest.param(HEAD + b"\r\n" + HEAD, id="half of a second request"),
        pytest.param(HEAD + b"Content-Length: 9\r\n\r\n", id="a body that nobody waits for"),
    ],
)
def test_h9_a_request_that_does_not_arrive_ends_the_connection(
    site: Site, monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.3)
    began = time.monotonic()
    with dialled(site) as client:
        client.sendall(start)
        ended(client)
    assert time.monotonic() - began < 5


def asked(site: Site, client: socket.socket) -> None:
    """Ask for a file of 8 MB, more than the kernel keeps for a client that takes nothing."""
    url = site.links.file(1, bytes.fromhex(site.shelf.keep(bytes(8_000_000))), "a.bin")
    client.sendall(f"GET /{url.split('/', 3)[3]} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())


def test_h9_a_client_that_does_not_take_its_answer_is_left(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "TAKEN_SECONDS", 0.2)
    with dialled(site) as client:
        asked(site, client)
        time.sleep(1.0)
        assert len(ended(client)) < 8_000_000


def test_a_client_that_takes_its_answer_slowly_gets_it_whole(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "TAKEN_SECONDS", 0.5)
    received = 0
    with dialled(site) as client:
        asked(site, client)
        while piece := client.recv(128 * 1024):
            received += len(piece)
            time.sleep(0.02)
    assert received > 8_000_000


LINKS = Links([KEY], "http://x", "bounce.example.com")
OPEN = f"GET {LINKS.pixel(7, initial=True)[8:]} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def test_a_connection_ends_when_it_idles_and_not_while_it_is_asked(tmp_path: Path) -> None:
    async def ask() -> None:
        async with both.connected() as (asked, client, _):
            for _ in range(3):
                asked.data_received(OPEN)
                asked.timeout_keep_alive_handler()  # time is up while it is answered, and just after
                await both.settled(asked, client)
                asked.timeout_keep_alive_handler()
            assert client.received.count(b"HTTP/1.1 200 OK") == 3
            assert not client.closing
            asked._answered -= asked.timeout_keep_alive
            asked.timeout_keep_alive_handler()
            assert client.closing

    with both_ways(tmp_path) as both:
        asyncio.run(ask())


def test_what_is_asked_when_the_process_is_told_to_stop_is_answered(tmp_path: Path) -> None:
    async def ask() -> None:
        async with both.connected() as (asked, client, _):
            asked.data_received(OPEN)
            asked.shutdown()
            assert not client.closing
            await both.settled(asked, client)
            assert client.received.startswith(b"HTTP/1.1 200 OK")
            assert b"\r\nconnection: close\r\n" in client.received
            assert client.closing
        async with both.connected() as (asked, client, _):
            asked.data_received(OPEN)
            await both.settled(asked, client)
            asked.shutdown()
            assert client.closing

    with both_ways(tmp_path) as both:
        asyncio.run(ask())


def test_what_comes_while_an_answer_is_made_waits_and_nothing_more_is_taken(tmp_path: Path) -> None:
    async def ask() -> None:
        async with both.connected() as (asked, client, _):
            for piece in (OPEN, OPEN, b"GET /nowhere HTTP/1.1\r\n", b"Host: x\r\n\r\n" + OPEN):
                asked.data_received(piece)
            assert client.paused
            await both.settled(asked, client)
            statuses = [part[:3] for part in client.received.split(b"HTTP/1.1 ")[1:]]
            assert statuses == [b"200", b"200", b"404", b"200"]
            assert not client.paused

    with both_ways(tmp_path) as both:
        asyncio.run(ask())


def test_h9_a_client_that_never_waits_for_answers_is_held_back(tmp_path: Path) -> None:
    async def ask() -> None:
        piece = OPEN * 50
        async with both.connected() as (asked, client, _):
            for _ in range(2000):
                if not client.paused:
                    asked.data_received(piece)
                await asyncio.sleep(0.001)
                assert len(asked._held) <= 2 * len(piece)
                if client.received.count(b"HTTP/1.1 200 OK") > 200:
                    return
            raise AssertionError("it is not answered")

    with both_ways(tmp_path) as both:
        asyncio.run(ask())


def test_h9_requests_that_wait_for_others_are_bounded(tmp_path: Path) -> None:
    async def ask() -> None:
        piece = b"GET /nowhere HTTP/1.1\r\n\r\n" * 50
        async with both.connected() as (asked, client, _):
            for _ in range(150):
                if not client.paused:
                    asked.data_received(piece)
                await asyncio.sleep(0)
                assert len(asked.pipeline) < 50
            await both.settled(asked, client)
            assert client.received.count(b"HTTP/1.1 404 ") >= 150
            assert not client.closing
        async with both.connected() as (asked, client, _):
            asked.data_received(piece * 100)
            assert len(asked.pipeline) <= PIPELINED + 1
            assert client.received.startswith(b"HTTP/1.1 400 ")
            assert client.closing

    with both_ways(tmp_path) as both:
        asyncio.run(ask())


def test_a_client_that_goes_while_its_requests_wait_leaves_no_trace_in_the_log(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (80, 5000):
        with dialled(site) as client:
            client.sendall((HEAD + b"\r\n") * number)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with dialled(site) as client:
        client.sendall(HEAD + b"Connection: close\r\n\r\n")
        assert ended(client).startswith(b"HTTP/1.1 200 ")
    assert caplog.text == ""


def test_h9_a_line_end_between_requests_is_no_way_to_stay_for_ever(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.3)
    began = time.monotonic()
    with dialled(site) as client:
        client.sendall(HEAD + b"\r\n")
        client.recv(65536)
        client.sendall(b"\r\n")
        ended(client)
    assert time.monotonic() - began < 10
