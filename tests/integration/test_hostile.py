"""Messages made to exhaust whoever takes them apart: delivered or refused for good, and at once."""

import time

import pytest

from estafeta_testing.relay import SENDER, Relay
from estafeta_testing.smtp import queue_id

SLOWEST = 5.0  # seconds for the reply to the final dot, on a machine with other tests; under 2 alone (R4)
TRACKED = b'X-MSYS-API: {"options": {"open_tracking": true, "click_tracking": true}}\r\n'
HTML = b"Content-Type: text/html; charset=utf-8\r\n"


def nested(depth: int) -> bytes:
    parts = (
        b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (n, n + 1) for n in range(depth)
    )
    return b"Content-Type: multipart/mixed; boundary=b0\r\n\r\n" + b"".join(parts)


def html(body: bytes) -> bytes:
    return HTML + b"\r\n" + body + b"\r\n"


HOSTILE = {
    "3000 parts inside each other": nested(3000),
    "50 levels over 100,000 lines": nested(50) + b"line\r\n" * 100_000,
    "100,000 empty parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 100_000,
    "boundaries that begin alike": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    + b"--bb\r\n" * 100_000,
    "an HTML line of 1 MB": html(b"<p>" + b"word " * 200_000),
    "20,000 links on one line": html(
        b"".join(b'<a href="https://example.com/%d">x</a>' % n for n in range(20_000))
    ),
    "tags that are never closed": html(b"<a " * 100_000),
    "attributes that are never closed": html(b'<a href="' * 50_000),
    "comments that are never closed": html(b"<!--" * 100_000),
    "declarations that are none": html(b"<![" * 100_000),
    "sections that are none": html(b"<![CDATA[" * 50_000),
    "20,000 elements in each other": html(b"<div>" * 20_000),
    "formatting that is opened again": html(b"".join(b"<font size=%d><p>" % n for n in range(20_000))),
    "50,000 attributes": html(b"<a " + b"".join(b"a%d=1 " % n for n in range(50_000)) + b">"),
    "100,000 entities": html(b'<a href="https://example.com/' + b"&amp;" * 100_000 + b'">x</a>'),
    "a text of 200,000 brackets": b"Content-Type: text/plain\r\n\r\nhttps://example.com/"
    + b"(" * 200_000
    + b"\r\n",
    "20,000 header fields": b"".join(b"X-%d: v\r\n" % n for n in range(20_000)) + b"\r\nx\r\n",
    "3,500 encoded words": b"Subject: " + b"=?utf-8?B?w7w=?= " * 3_500 + b"\r\n\r\nx\r\n",
    "10,000 parameters": b"Content-Type: text/html" + b"; a=b" * 10_000 + b"\r\n\r\nx\r\n",
    "comments in each other": b"Content-Type: text/html " + b"(" * 50_000 + b"\r\n\r\nx\r\n",
    "a charset that runs code": b"Content-Type: text/html; charset=unicode_escape\r\n\r\n<a href='https://a.example/\\x41'>\r\n",
    "a charset that unpacks": b"Content-Type: text/html; charset=zip\r\n\r\n<a href='https://a.example/'>\r\n",
    "two boundaries": b"Content-Type: multipart/mixed; boundary=a; boundary=b\r\n\r\n--a\r\n\r\n--b\r\n\r\n",
    "base64 that is none": HTML + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"=?!*" * 10_000 + b"\r\n",
    "quoted-printable that is none": HTML
    + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    + b"=ZZ=" * 10_000
    + b"\r\n",
    "UTF-16 under a wrong name": html("<a href='https://example.com/'>x</a>".encode("utf-16")),
    "NUL bytes": html(b"\0" * 10_000 + b"<a href='https://example.com/'>x</a>"),
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_message_gets_its_answer_at_once(relay: Relay, raw: bytes) -> None:
    with relay.session() as client:
        started = time.monotonic()
        reply = client.message(SENDER, ["alice@example.net"], f"From: {SENDER}\r\n".encode() + TRACKED + raw)
        seconds = time.monotonic() - started
    assert reply.startswith(("250 ", "550 ")), reply
    assert seconds < SLOWEST
    if reply.startswith("250"):
        assert relay.copy(queue_id(reply)).values("X-MSYS-API") == []


@pytest.mark.parametrize(
    "value", [b"(" * 2000, b'"' * 2000, b"=?utf-8?B?w7w=?= " * 200, b"<" * 2000, b"a@" * 1500]
)
def test_a_hostile_from_is_refused_at_once(relay: Relay, value: bytes) -> None:
    with relay.session() as client:
        started = time.monotonic()
        raw = b"From: " + value + b" <news@acme.example\r\n\r\nx\r\n"
        reply = client.message(SENDER, ["alice@example.net"], raw)
        assert time.monotonic() - started < SLOWEST
    assert reply == "550 5.7.1 The From header must hold exactly one plain address"


def test_every_daemon_has_survived(relay: Relay) -> None:
    """Runs behind the others: nobody was started again, and no log holds a traceback."""
    for log in (relay.dir / "log").iterdir():
        text = log.read_text()
        assert "Traceback" not in text, log.name
        assert "starting another" not in text, log.name
