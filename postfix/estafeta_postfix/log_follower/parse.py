"""One line of Postfix's log -> what became of one recipient, or of a whole message, or a connection over TLS.

    TIME HOST PROGRAM/SERVICE[PID]: QUEUEID: to=<ADDRESS>, [orig_to=<ADDRESS>, ]relay=RELAY, [conn_use=N, ]
        delay=SECONDS, delays=A/B/C/D, dsn=D.S.N, status=STATUS (TEXT)
    TIME HOST PROGRAM/SERVICE[PID]: Untrusted TLS connection established to RELAY: PROTOCOL with cipher ...
    TIME HOST PROGRAM/qmgr[PID]: QUEUEID: from=<ADDRESS>, status=expired, returned to sender
    TIME HOST postfix/estafeta-delivery/smtpd[PID]: COPY: client=CLIENT, orig_queue_id=QUEUEID, ...
    TIME HOST postfix/pickup[PID]: COPY: uid=NUMBER from=<ADDRESS> orig_id=QUEUEID

A delivery by `postfix/estafeta-pool-NAME/smtp` leaves from the addresses of that pool. One by
`postfix/estafeta-split/smtp` hands a message over to that smtpd, whose queue id for the copy
stands at the end of TEXT. The smtpd's own line comes before whatever is told of the copy's delivery.
pickup(8) writes its line of what `postsuper -r` has queued anew, under another queue id.

TIME as syslog (`Nov 20 13:00:00`) and postlogd write it, or as RFC 3339 (rsyslog's own format). The
form is src/global/log_adhoc.c of Postfix.

Much in a log is written by strangers: HELO names, addresses, replies of remote servers. A line
counts only as a whole, read from its beginning, with addresses in the quoting of RFC 5321 that
Postfix logs (`info_log_addr_form`), so that no text inside another line looks like a delivery.
"""

import re
from dataclasses import dataclass

from estafeta_core.jobs import LISTENER
from estafeta_postfix.render.main_cf import SPLIT
from estafeta_postfix.render.outbound import POOL

_TIME = rb"(?P<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d))"
_ADDRESS = rb"<(?P<%b>(?:[^<>\"\s]|\"(?:[^\"\\]|\\.)*\")*)>"
_PROGRAM = rb"^" + _TIME + rb" \S+ (?P<tag>\S+)/%b\[(?P<pid>\d+)\]: "
_HEAD = _PROGRAM + rb"(?P<queue_id>[0-9A-Za-z]+): "

_DELIVERY = re.compile(
    (_HEAD % rb"[a-z0-9_-]+")
    + (rb"to=" + _ADDRESS % b"recipient" + rb", ")
    + (rb"(?:orig_to=" + _ADDRESS % b"original_to" + rb", )?")
    + rb"relay=(?P<host>[^\s,\[]++)(?:\[(?P<ip>[0-9A-Fa-f.:]+)\])?[^\s,]*, (?:conn_use=(?P<use>\d{1,9}), )?"
    + rb"delay=(?P<delay>\d+(?:\.\d+)?), delays=(?P<delays>[\d./]+), dsn=(?P<dsn>\d\.\d+\.\d+), "
    + rb"status=(?P<status>sent|bounced|deferred) \((?P<text>.*)\)$"
)
_SECURED = re.compile(
    (_PROGRAM % rb"smtp")
    + rb"(?:Anonymous|Untrusted|Trusted|Verified) TLS connection (?:established|reused) to "
    + rb"(?P<host>[^\s,\[]++)\[(?P<ip>[0-9A-Fa-f.:]+)\](?::\d+)?: "
)
_EXPIRED = re.compile(
    (_HEAD % rb"qmgr")
    + rb"from=<(?:[^<>\"\s]|\"(?:[^\"\\]|\\.)*\")*>, status=(?:force-)?expired, returned to sender$"
)
_COPIED = re.compile(
    (_HEAD % rb"smtpd") + rb"client=[^\s,]*, orig_queue_id=(?P<original>[0-9A-Za-z]+)(?:,|$)"
)
# The address is not quoted here, and the queue id stands behind it: the line's end tells what is which.
_REQUEUED = re.compile((_HEAD % rb"pickup") + rb"uid=\d+ from=<.*> orig_id=(?P<original>[0-9A-Za-z]+)$")
_QUEUED = re.compile(rb"250 2\.0\.0 Ok: queued as (?P<copy>[0-9A-Za-z]+)")
_SPLIT_TAG = f"postfix/{SPLIT}".encode()
_DELIVERY_TAG = f"postfix/{LISTENER}".encode()
_PICKUP_TAG = b"postfix"
_POOL_TAG = f"postfix/{POOL}"


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
    pool: str = ""  # whose addresses it came from; "": Postfix's own way out
    process: str = ""  # which one has delivered it
    busy: float = 0.0  # seconds since that process began to connect
    reused: bool = False  # over a connection that has carried another message before


@dataclass(frozen=True, slots=True)
class Expired:
    """A message given up: every recipient that was still deferred has failed."""

    time: str
    queue_id: str


@dataclass(frozen=True, slots=True)
class Copied:
    """A queue file that was taken from another: one recipient's copy of it, or the same queued anew."""

    time: str
    queue_id: str
    original: str
    recipients: tuple[
        str, ...
    ] = ()  # the one, before and after Postfix rewrote it; () where the line has none
    anew: bool = False  # the other one is gone, and this is all that was left of it


@dataclass(frozen=True, slots=True)
class Secured:
    """A connection over TLS that a process has to a host."""

    time: str
    process: str
    host: str
    ip: str


Told = Delivery | Expired | Copied | Secured


def parse(line: bytes) -> Told | None:
    """Return what `line` (without its line end) tells, or None when it tells of no delivery."""
    if b" status=" in line:
        match = _DELIVERY.match(line)
        if match is not None:
            return _handed_over(match) if match["tag"] == _SPLIT_TAG else _delivery(match)
        expired = _EXPIRED.match(line)
        return Expired(_text(expired["time"]), _text(expired["queue_id"])) if expired else None
    if b" TLS connection " in line:
        secured = _SECURED.match(line)
        return _secured(secured) if secured else None
    if b", orig_queue_id=" in line:
        return _copied(_COPIED.match(line), _DELIVERY_TAG)
    if b"> orig_id=" in line:
        return _copied(_REQUEUED.match(line), _PICKUP_TAG, anew=True)
    return None


def _copied(match: re.Match[bytes] | None, tag: bytes, *, anew: bool = False) -> Copied | None:
    if match is None or match["tag"] != tag:
        return None
    return Copied(_text(match["time"]), _text(match["queue_id"]), _text(match["original"]), anew=anew)


def _handed_over(match: re.Match[bytes]) -> Told | None:
    """Return what a line of the split tells: only if it is refused for good, something of the recipient."""
    queued = _QUEUED.fullmatch(match["text"])
    if match["status"] == b"sent" and queued is not None:
        named = tuple(_text(address) for address in match.group("recipient", "original_to") if address)
        return Copied(_text(match["time"]), _text(queued["copy"]), _text(match["queue_id"]), named)
    return _delivery(match) if match["status"] == b"bounced" else None


def _secured(match: re.Match[bytes]) -> Secured:
    return Secured(_text(match["time"]), _process(match), _text(match["host"]), _text(match["ip"]))


def _process(match: re.Match[bytes]) -> str:
    return _text(match["tag"] + b"/" + match["pid"])


def _busy(delays: bytes) -> float:
    """Return the seconds for connecting and sending, the last two of the four; 0 where there are none."""
    try:
        return sum(map(float, delays.split(b"/")[2:]))
    except ValueError:
        return 0.0


def _delivery(match: re.Match[bytes]) -> Delivery:
    tag = _text(match["tag"])
    return Delivery(
        time=_text(match["time"]),
        queue_id=_text(match["queue_id"]),
        recipient=_text(match["recipient"]),
        original=_text(match["original_to"] or b""),
        host=_text(match["host"]),
        ip=_text(match["ip"] or b""),
        delay=float(match["delay"]),
        dsn=_text(match["dsn"]),
        status=_text(match["status"]),
        text=_text(match["text"]),
        pool=tag.removeprefix(_POOL_TAG) if tag.startswith(_POOL_TAG) else "",
        process=_process(match),
        busy=_busy(match["delays"]),
        reused=int(match["use"] or 1) > 1,
    )


def _text(raw: bytes) -> str:
    """Return text that any store and any reader of JSON takes."""
    return raw.decode("utf-8", "replace").replace("\0", "\ufffd")
