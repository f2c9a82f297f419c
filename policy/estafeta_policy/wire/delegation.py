"""Postfix policy delegation (SMTPD_POLICY_README): bytes in, requests out, replies to bytes.

Grammar: `name=value` lines end with LF, an empty line ends a request; the reply is
`action=...` and an empty line. A value may hold `=` but neither NUL nor LF. Of an attribute
given twice the first holds: what Postfix itself writes comes before anything a client
could ever smuggle into a later value. Attributes we do not use are skipped.

One attribute is ours alone. The milter asks as Postfix would at END-OF-MESSAGE when lists in a message add
recipients, and `recipients_counted` says how many of `recipient_count` have been asked about at RCPT TO.

Values are text with surrogate escapes for bytes that are not UTF-8, so nothing is lost or
guessed on the way in; `reply` never lets one out.

Raises ProtocolError when the peer breaks the grammar or a bound; what came in the same data
is then void, because the caller closes the connection (Postfix answers 451 4.3.5).
"""

import re

import msgspec

from estafeta_core.refusal import Refusal
from estafeta_policy.wire import ProtocolError

MAX_REQUEST = 64 * 1024  # Postfix sends about 1 KiB; this only bounds a runaway peer
MAX_ATTRIBUTES = 256  # Postfix 3.10 sends 35
MAX_REPLY = 1024  # Postfix takes 8 KiB, an SMTP reply line 512 bytes; a long reason helps nobody

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Request(msgspec.Struct, frozen=True, gc=False):
    """One policy request, under Postfix's own attribute names; a Struct, because RCPT TO is frequent."""

    request: str = ""
    protocol_state: str = ""
    client_address: str = ""
    client_port: str = ""
    sender: str = ""
    recipient: str = ""
    sasl_username: str = ""
    encryption_protocol: str = ""
    instance: str = ""
    queue_id: str = ""
    policy_context: str = ""
    recipient_count: str = ""
    recipients_counted: str = ""


_NAMES = Request.__struct_fields__


class Parser:
    """One connection from smtpd: it sends a request and waits for the reply."""

    def __init__(self) -> None:
        self._partial = b""

    def feed(self, data: bytes) -> list[Request]:
        """Return every request that `data` completes; ProtocolError when it must not go on."""
        *blocks, self._partial = (self._partial + data).split(b"\n\n")
        if len(self._partial) > MAX_REQUEST:
            raise ProtocolError(f"a request of more than {MAX_REQUEST} bytes")
        return [_request(block) for block in blocks]


def _request(block: bytes) -> Request:
    """Return the request that `block` spells, without the empty line that ended it."""
    if len(block) > MAX_REQUEST:
        raise ProtocolError(f"a request of more than {MAX_REQUEST} bytes")
    lines = block.decode("utf-8", "surrogateescape").split("\n")
    if len(lines) > MAX_ATTRIBUTES:
        raise ProtocolError(f"more than {MAX_ATTRIBUTES} attributes")
    lines.reverse()  # so that the first of two stays
    try:
        get = dict([line.split("=", 1) for line in lines]).get
    except ValueError:
        raise ProtocolError("a line without `=`") from None
    return Request(*[get(name, "") for name in _NAMES])


def clean(text: str) -> str:
    """Return `text` fit for one line of any log or reply: controls and broken bytes become `?`."""
    return _CONTROLS.sub("?", text)


def reply(action: str) -> bytes:
    """Return the reply for `action`, a word of access(5) with its text, or `code status text`."""
    line = clean(action).strip().encode()
    if len(line) > MAX_REPLY - len("action=\n\n"):
        line = line[: MAX_REPLY - len("action=\n\n")].decode("utf-8", "ignore").encode()
    return b"action=" + line + b"\n\n"


def refuse(refusal: Refusal) -> bytes:
    """Return the reply that refuses the command; Postfix puts its own words before the text."""
    return reply(str(refusal))


def prepend(name: str, value: str) -> bytes:
    """Return the reply that lets the recipient pass and puts a field before all others of the message."""
    return reply(f"PREPEND {name}: {value}")


DUNNO = reply("DUNNO")
# What a fault of ours answers: 4xx if the mail would have been accepted, else the 5xx it had coming.
DEFER = reply("DEFER_IF_PERMIT 4.3.0 Internal error, try again later")
