"""Messages of parts, written plainly: what a test wants in a message stands in the test."""

import base64
import hashlib

from estafeta_core.headers import Header
from estafeta_milter.message.message import Message

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
JPEG = b"\xff\xd8\xff\xe0"
GIF = b"GIF89a"
WEBP = b"RIFF\0\0\0\0WEBPVP8 "
BMP = b"BM" + bytes(8) + b"\x36\0\0\0\x28\0\0\0"


def part(content_type: str, content: bytes | str, *fields: str) -> bytes:
    """Return a part in base64 with these further fields, or as it is when it is text."""
    lines = [f"Content-Type: {content_type}", *fields]
    if isinstance(content, bytes):
        lines.append("Content-Transfer-Encoding: base64")
        content = base64.encodebytes(content).decode().rstrip("\n").replace("\n", "\r\n")
    return "\r\n".join([*lines, "", content]).encode()


def image(content: bytes, content_id: str, *fields: str) -> bytes:
    """Return an inline image with a Content-ID."""
    return part("image/png", content, f"Content-ID: <{content_id}>", "Content-Disposition: inline", *fields)


def attached(content: bytes, name: str, content_type: str = "application/pdf") -> bytes:
    """Return a part that its fields call a file."""
    return part(content_type, content, f'Content-Disposition: attachment; filename="{name}"')


def multipart(subtype: str, *parts: bytes, boundary: str = "") -> bytes:
    """Return a multipart as a part; its boundary is its own as long as its parts are."""
    boundary = boundary or hashlib.sha256(b"".join(parts)).hexdigest()[:16]
    return f"Content-Type: multipart/{subtype}; boundary={boundary}\r\n\r\n".encode() + body(boundary, *parts)


def body(boundary: str, *parts: bytes) -> bytes:
    """Return the content of a multipart."""
    mark = f"--{boundary}".encode()
    return b"".join(mark + b"\r\n" + found + b"\r\n" for found in parts) + mark + b"--\r\n"


def mixed(*parts: bytes, subtype: str = "mixed", sender: str = "app@acme.example") -> Message:
    """Return a message of these parts."""
    headers = (
        Header("From", b"News <news@acme.example>"),
        Header("MIME-Version", b"1.0"),
        Header("Content-Type", f"multipart/{subtype}; boundary=top".encode()),
    )
    return Message(sender, ("alice@example.net",), headers, body("top", *parts))
