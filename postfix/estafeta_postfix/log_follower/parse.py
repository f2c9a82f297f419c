"""One line of Postfix's log -> what became of one recipient, or of a message that got too old.

    TIME HOST PROGRAM/SERVICE[PID]: QUEUEID: to=<ADDRESS>, [orig_to=<ADDRESS>, ]relay=RELAY, [conn_use=N, ]
        delay=SECONDS, delays=A/B/C/D, dsn=D.S.N, status=STATUS (TEXT)
    TIME HOST PROGRAM/qmgr[PID]: QUEUEID: from=<ADDRESS>, status=expired, returned to sender

TIME as syslog (`Nov 20 13:00:00`) and postlogd write it, or as RFC 3339 (rsyslog's own format). The
form is src/global/log_adhoc.c of Postfix.

Much in a log is written by strangers: HELO names, addresses, replies of remote servers. A line
counts only as a whole, read from its beginning, with addresses in the quoting of RFC 5321 that
Postfix logs (`info_log_addr_form`), so that no text inside another line looks like a delivery.
"""

import re
from dataclasses import dataclass

_TIME = rb"(?P<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d))"
_ADDRESS = rb"<(?P<%b>(?:[^<>\"\s]|\"(?:[^\"\\]|\\.)*\")*)>"
_HEAD = rb"^" + _TIME + rb" \S+ \S+/%b\[\d+\]: (?P<queue_id>[0-9A-Za-z]+): "

_DELIVERY = re.compile(
    (_HEAD % rb"[a-z0-9_-]+")
    + (rb"to=" + _ADDRESS % b"recipient" + rb", ")
    + (rb"(?:orig_to=" + _ADDRESS % b"original" + rb", )?")
    + rb"relay=(?P<host>[^\s,\[]++)(?:\[(?P<ip>[0-9A-Fa-f.:]+)\])?[^\s,]*, (?:conn_use=\d+, )?"
    + rb"delay=(?P<delay>\d+(?:\.\d+)?), delays=[\d./]+, dsn=(?P<dsn>\d\.\d+\.\d+), "
    + rb"status=(?P<status>sent|bounced|deferred) \((?P<text>.*)\)$"
)
_EXPIRED = re.compile(
    (_HEAD % rb"qmgr")
    + rb"from=<(?:[^<>\"\s]|\"(?:[^\"\\]|\\.)*\")*>, status=(?:force-)?expired, returned to sender$"
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to deliver to one recipient, as one log line tells it."""

    time: str  # as logged
    queue_id: str
    recipient: str
    original: str  # the recipient before Postfix rewrote it; "" where it did not
    host: str  # "none" where no server was reached
    ip: str  # "" where none was
    delay: float  # seconds since the message came in
    dsn: str
    status: str  # sent, bounced, deferred
    text: str  # what the server said, in Postfix's words


@dataclass(frozen=True, slots=True)
class Expired:
    """A message given up: every recipient that was still deferred has failed."""

    time: str
    queue_id: str


def parse(line: bytes) -> Delivery | Expired | None:
    """Return what `line` (without its line end) tells, or None when it tells of no delivery."""
    if b" status=" not in line:  # nine lines of ten
        return None
    match = _DELIVERY.match(line)
    if match is None:
        expired = _EXPIRED.match(line)
        return Expired(_text(expired["time"]), _text(expired["queue_id"])) if expired else None
    return Delivery(
        time=_text(match["time"]),
        queue_id=_text(match["queue_id"]),
        recipient=_text(match["recipient"]),
        original=_text(match["original"] or b""),
        host=_text(match["host"]),
        ip=_text(match["ip"] or b""),
        delay=float(match["delay"]),
        dsn=_text(match["dsn"]),
        status=_text(match["status"]),
        text=_text(match["text"]),
    )


def _text(raw: bytes) -> str:
    """Return text that any store and any reader of JSON takes."""
    return raw.decode("utf-8", "replace").replace("\0", "\ufffd")
