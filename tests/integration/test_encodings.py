"""A text leaves in the charset and the transfer encoding it came in, tracked or not."""

import base64
import quopri
import re

import pytest

from estafeta_testing.outbox import Copy
from estafeta_testing.relay import SENDER, Relay

URL = "https://example.com/?a=1"
SIGNS = {
    "utf-8": "Grüße, 日本, 😀",
    "us-ascii": "Hello",
    "iso-8859-1": "Grüße, ça va",
    "windows-1252": "Grüße, 5 €",
    "shift_jis": "日本語のソ表能",  # their second bytes are `\` and letters
    "euc-jp": "日本語",
    "gb18030": "简体中文",
    "big5": "繁體中文許功蓋",
    "koi8-r": "Привет",
}
ENCODINGS = ("7bit", "8bit", "quoted-printable", "base64")
KINDS = ("text/plain", "text/html")


def text(kind: str, charset: str) -> str:
    signs = SIGNS[charset]
    if kind == "text/plain":
        return f"{signs}\r\n{URL}\r\n{signs}\r\n"
    return f'<html><body><p>{signs} <a href="{URL}">{signs}</a></p></body></html>\r\n'


def encoded(content: bytes, encoding: str) -> bytes:
    if encoding == "base64":
        return base64.encodebytes(content).replace(b"\n", b"\r\n")
    if encoding == "quoted-printable":
        return quopri.encodestring(content.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    return content


def decoded(body: bytes, encoding: str) -> bytes:
    if encoding == "base64":
        return base64.b64decode(body)
    return quopri.decodestring(body) if encoding == "quoted-printable" else body


def message(kind: str, charset: str, encoding: str, header: str) -> bytes:
    content = text(kind, charset).encode(charset)
    head = (
        f"From: {SENDER}\r\nMIME-Version: 1.0\r\nContent-Type: {kind}; charset={charset}\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\nX-MSYS-API: {header}\r\n\r\n"
    )
    return head.encode() + encoded(content, encoding)


def cases() -> list[tuple[str, str, str]]:
    """Return every kind, charset and encoding that go together."""
    return [
        (kind, charset, encoding)
        for kind in KINDS
        for charset in SIGNS
        for encoding in ENCODINGS
        if encoding != "7bit" or charset == "us-ascii"
    ]


def without_tokens(relay: Relay, content: str) -> str:
    """Return a text with pixels gone and the targets of links back in their place."""
    content = re.sub(r'<img border="0" width="1" height="1" alt="" src="[^"]*">', "", content)

    def target(match: re.Match[str]) -> str:
        token = relay.links.read(match[1])
        assert token is not None, match[0]
        return token.target.decode()

    return re.sub(rf"{relay.web}/c/([\w-]+)", target, content)


@pytest.mark.parametrize(("kind", "charset", "encoding"), cases())
def test_a_tracked_text_keeps_charset_and_encoding(
    relay: Relay, kind: str, charset: str, encoding: str
) -> None:
    header = '{"options": {"open_tracking": true, "click_tracking": true}}'
    copy = relay.copy(relay.send(message(kind, charset, encoding, header)))
    assert copy.value("Content-Type") == f"{kind}; charset={charset}"
    assert copy.value("Content-Transfer-Encoding") == encoding
    content = decoded(copy.body, encoding).decode(charset)
    assert content.count(f"{relay.web}/c/") == 1
    assert content.count(f"{relay.web}/o/") == (2 if kind == "text/html" else 0)
    assert without_tokens(relay, content) == text(kind, charset)
    assert longest_line(copy) <= 998


@pytest.mark.parametrize(("kind", "charset", "encoding"), cases())
def test_an_untracked_text_leaves_byte_for_byte(relay: Relay, kind: str, charset: str, encoding: str) -> None:
    sent = message(kind, charset, encoding, "{}")
    copy = relay.copy(relay.send(sent))
    assert copy.body == sent.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_long_link_makes_no_line_too_long(relay: Relay, encoding: str) -> None:
    target = "https://example.com/?long=" + "x" * 3000
    signs = "" if encoding == "7bit" else "ü"
    content = "\r\n".join([signs, *(f'<a href="{target}{n}">Go</a>' for n in range(3)), ""]).encode()
    head = (
        f"From: {SENDER}\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n"
        'X-MSYS-API: {"options": {"click_tracking": true}}\r\n\r\n'
    )
    copy = relay.copy(relay.send(head.encode() + encoded(content, encoding)))
    assert longest_line(copy) <= 998
    body = decoded(copy.body, copy.value("Content-Transfer-Encoding")).decode()
    urls = re.findall(r'href="([^"]*)"', body)
    assert [relay.http("GET", url).location.decode() for url in urls] == [f"{target}{n}" for n in range(3)]


def test_the_parts_of_a_multipart_keep_their_own(relay: Relay) -> None:
    parts = [("text/plain", "iso-8859-1", "quoted-printable"), ("text/html", "shift_jis", "base64")]
    blocks = [
        f"--b\r\nContent-Type: {kind}; charset={charset}\r\n".encode()
        + f"Content-Transfer-Encoding: {encoding}\r\n\r\n".encode()
        + encoded(text(kind, charset).encode(charset), encoding)
        for kind, charset, encoding in parts
    ]
    attachment = (
        b"--b\r\nContent-Type: text/html\r\nContent-Disposition: attachment\r\n\r\n"
        b'<a href="https://example.com/">not a body</a>\r\n'
    )
    head = (
        f"From: {SENDER}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"
        'X-MSYS-API: {"options": {"open_tracking": true, "click_tracking": true}}\r\n\r\npreamble\r\n'
    ).encode()
    sent = head + b"\r\n".join([*blocks, attachment, b"--b--\r\nepilogue\r\n"])
    copy = relay.copy(relay.send(sent))
    assert copy.body.startswith(b"preamble\r\n--b\r\n")
    assert copy.body.endswith(attachment + b"\r\n--b--\r\nepilogue\r\n")
    walked = [part for part in copy.parsed().walk() if not part.is_multipart()]
    for part, (kind, charset, encoding) in zip(walked, parts, strict=False):
        assert (part.get_content_type(), part.get_content_charset()) == (kind, charset)
        assert part["Content-Transfer-Encoding"] == encoding
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        assert without_tokens(relay, payload.decode(charset)).strip() == text(kind, charset).strip()


def longest_line(copy: Copy) -> int:
    return max(map(len, copy.message.split(b"\r\n")))
