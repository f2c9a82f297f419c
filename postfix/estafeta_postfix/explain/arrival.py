"""What Postfix makes of a client's lines before the milter sees a message.

The one place that says again what smtpd(8) and cleanup(8) do, under the settings that `render` writes:

lines          end with LF, with or without CR; a client sends CRLF. What lacks an end gets one. A CR anywhere
               else becomes a space (cleanup_replace_stray_cr_lf).
From line      the first line of an mbox file becomes a field, X-Mailbox-Line, as smtpd knows old mailers.
               Where the first line is empty or begins with a blank, there is no header at all.
header         ends with the first line that is neither a field nor the continuation of one; an empty line
               between header and body is nobody's.
NUL            ends a line of the header, since cleanup keeps them as C strings.
dropped        Bcc, Content-Length, Return-Path and Resent-Bcc (message_drop_headers): what a reader must not
               see, and what the message's way makes untrue.
cut            a field is cut at 60,000 bytes where there is a milter (its protocol takes 64 KiB): at the end
               of a line if that costs less than a tenth, else anywhere.
added          Message-Id, Date and From where they are missing (always_add_missing_headers), in this order
               and at the end; of a message with Resent- fields the Resent- ones.

A milter is told a value without the one space that may stand behind the colon.
"""

import email.utils
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from estafeta_core.headers import Header

FIELD_LIMIT = 60_000  # bytes of a whole field: KLUDGE_HEADER_LIMIT of cleanup(8)
KIND_CUT = 0.9  # of the limit: a line that ends between here and there is the last
HOPS = 50  # Received fields, smtpd's own included: Postfix's default for hopcount_limit
QUEUE_ID = "QUEUEID"
"""Stands where the queue id would."""

DROPPED = frozenset({"bcc", "content-length", "return-path", "resent-bcc"})
_RESENT = frozenset(
    f"resent-{name}" for name in ("bcc", "cc", "date", "from", "message-id", "reply-to", "sender", "to")
)
_FIELD_NAME = re.compile(rb"([!-9;-~]+[ \t]*):")

Fate = Literal["", "dropped", "cut", "added"]


@dataclass(frozen=True, slots=True)
class Field:
    """A field as the client sent it or Postfix added it, and what became of it."""

    header: Header  # as the milter is told; as the client sent it where it was dropped
    fate: Fate = ""
    sent: Header | None = None  # what was cut


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message between client and milter."""

    fields: tuple[Field, ...]
    body: bytes  # lines end with CRLF
    size: int  # bytes that the client sent, as smtpd counts them

    @property
    def headers(self) -> tuple[Header, ...]:
        """What the milter is told."""
        return tuple(field.header for field in self.fields if field.fate != "dropped")

    @property
    def hops(self) -> int:
        """How many hosts the message has been through, this one included."""
        return 1 + sum(field.header.key == "received" for field in self.fields)


def arrive(raw: bytes, *, sender: str, hostname: str, now: datetime) -> Arrived:
    """Return what is left of the message `raw` when the milter gets it; `now` with a zone."""
    lines = _lines(raw)
    size = sum(len(line) + 2 for line in lines)
    header, body = _parted(_without_from_line(lines))
    fields = [_taken(text) for text in header]
    fields += _missing(fields, completed(sender, hostname), hostname, now)
    return Arrived(tuple(fields), b"".join(line + b"\r\n" for line in body), size)


def completed(sender: str, hostname: str) -> str:
    """Return MAIL FROM as Postfix queues it: a name alone is one of this host's (myorigin)."""
    return f"{sender}@{hostname}" if sender and "@" not in sender else sender


def _lines(raw: bytes) -> list[bytes]:
    lines = raw.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix(b"\r").replace(b"\r", b" ") for line in lines]


def _without_from_line(lines: list[bytes]) -> list[bytes]:
    place = 0
    while place < len(lines) and lines[place].lstrip(b">").startswith(b"From "):
        place += 1
    marked = [b"X-Mailbox-Line: " + line for line in lines[:place]]
    blank = [b""] if lines[place : place + 1] and lines[place][:1] in (b" ", b"\t") else []
    return [*marked, *blank, *lines[place:]]


def _parted(lines: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Return the fields, folds kept, and the lines of the body."""
    fields: list[list[bytes]] = []
    for place, line in enumerate(lines):
        if fields and line[:1] in (b" ", b"\t"):
            fields[-1].append(line.partition(b"\0")[0])
        elif _FIELD_NAME.match(line):
            fields.append([line.partition(b"\0")[0]])
        else:
            return _joined(fields), lines[place + (not line) :]
    return _joined(fields), []


def _joined(fields: list[list[bytes]]) -> list[bytes]:
    return [b"\n".join(lines) for lines in fields]


def _taken(text: bytes) -> Field:
    sent, kept = _header(text), _cut(text)
    if sent.key in DROPPED:
        return Field(sent, "dropped")
    return Field(sent) if kept == text else Field(_header(kept), "cut", sent)


def _header(text: bytes) -> Header:
    name, _, value = text.partition(b":")
    return Header(name.decode("ascii"), value.removeprefix(b" "))


def _cut(text: bytes) -> bytes:
    """Return as much of a field as cleanup(8) keeps."""
    if len(text) <= FIELD_LIMIT:
        return text
    end = text.rfind(b"\n", 0, FIELD_LIMIT + 1)
    return text[:end] if end + 1 > KIND_CUT * FIELD_LIMIT else text[:FIELD_LIMIT]


def _missing(fields: list[Field], sender: str, hostname: str, now: datetime) -> list[Field]:
    seen = {field.header.key for field in fields}
    resent = "" if seen.isdisjoint(_RESENT) else "Resent-"
    values = {
        "Message-Id": f"<{QUEUE_ID}@{hostname}>",
        "Date": f"{email.utils.format_datetime(now)} ({now:%Z})",
        "From": sender or "MAILER-DAEMON",
    }
    return [
        Field(Header(f"{resent}{name}", value.encode("utf-8", "surrogateescape")), "added")
        for name, value in values.items()
        if f"{resent}{name}".lower() not in seen
    ]
