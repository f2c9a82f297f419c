r"""The Dovecot auth protocol, server side, as Postfix's smtpd speaks it: bytes in, attempts out.

Grammar (https://doc.dovecot.org/developer_manual/design/auth_protocol): lines end with LF, fields
are separated by TAB, and in a field the characters NUL, \001, TAB, CR and LF are written
as \001 and one of `0 1 t r n`.

    server  VERSION 1 n, MECH ..., SPID, CUID, COOKIE, DONE
    client  VERSION 1 n, CPID pid
    client  AUTH id mechanism [service=..] [nologin] [lip=..] [rip=..] [secured] [resp=base64]
    server  CONT id base64 | OK id user=.. | FAIL id [user=..] [reason=..]
    client  CONT id base64
    client  CANCEL id                  (no answer)

What Postfix 3.7 makes of it: `reason=` is shown to the client after `535 5.7.8 Error:
authentication failed: `; there is no reply for a temporary failure, only closing the connection
(454 4.7.0); a reply with another id than the one it waits for is ignored, so a missing
reply hangs the SMTP session until the 10 seconds of its read timeout; it never sends CANCEL,
so a client that walks away leaves its request open here.

Raises ProtocolError when the peer breaks the grammar or a bound; what came in the same data
is then void, because the caller closes the connection.
"""

import binascii
import re
from collections.abc import Callable
from enum import Enum, auto
from functools import lru_cache

import msgspec

from estafeta_policy.wire import ProtocolError, sasl

MAX_LINE = 16_384  # AUTH_CLIENT_MAX_LINE_LENGTH of Dovecot: the longest SASL message
MAX_OPEN = 64  # Postfix has one request in the air; the rest were left open by clients that went away
MAX_ID = 2**32 - 1  # an unsigned int in Postfix
REMEMBERED = 1024  # origins of attempts: 300 bytes each, or 2 KB where a client makes one long

_ESCAPES = {0: "\x010", 1: "\x011", 9: "\x01t", 13: "\x01r", 10: "\x01n"}
_ESCAPED = re.compile("\x01(.)", re.DOTALL)
_UNESCAPES = {"0": "\0", "1": "\x01", "t": "\t", "r": "\r", "n": "\n"}
_DIGITS = len(str(MAX_ID))
_GONE = "Authentication request timed out"  # Dovecot's words for a request it does not know
_MECHANISM = "Invalid authentication mechanism"  # Postfix's words for one that is not offered


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """A complete login attempt; a Struct, because one is made for every AUTH."""

    id: int
    mechanism: str
    service: str  # smtpd_sasl_service: the listener's name
    client_address: str
    secured: bool  # the SMTP session is under TLS
    credentials: sasl.Credentials


_Origin = tuple[str, str, str, bool]
"""Mechanism, service, client address, and whether under TLS: what an `Attempt` begins with behind its id."""


class _Open(msgspec.Struct, frozen=True):
    """A request that waits for the client's next response."""

    origin: _Origin
    challenge: sasl.Challenge


class _Phase(Enum):
    """How far the connection has come."""

    VERSION = auto()
    CPID = auto()
    READY = auto()


# How far one request has come.
_ABSENT = "absent"
_CHALLENGED = "waiting for the client"
_DECIDING = "waiting for our answer"


def escape(text: str) -> str:
    """Return `text` as one field, whatever it holds; a lone surrogate becomes `?`."""
    if text.isascii() and text.isprintable():  # nearly always, and four times as fast
        return text
    return text.translate(_ESCAPES).encode("utf-8", "replace").decode()


def unescape(field: str) -> str:
    r"""Return what `field` stands for; \001 before any other character is dropped."""
    if "\x01" not in field:
        return field
    return _ESCAPED.sub(lambda match: _UNESCAPES.get(match[1], match[1]), field)


class Server:
    """One connection from smtpd.

    `feed` takes what was read and returns the attempts it completes; `data_to_send` returns
    what is to be written now. Each attempt is then answered by `accept` or `refuse`, once:
    an answer to a request that was cancelled meanwhile produces nothing, and so does a second one.
    """

    def __init__(self, spid: int, cuid: int, cookie: str, offered: Callable[[str, str], bool]) -> None:
        """Begin with the handshake; `offered(service, mechanism)` says what a listener takes.

        Postfix filters what it advertises, not what it passes on, so the mechanism is checked here.
        """
        self._offered = offered
        self._partial = b""
        self._phase = _Phase.VERSION
        self._challenged: dict[int, _Open] = {}
        self._deciding: dict[int, Attempt] = {}
        mechanisms = "".join(f"MECH\t{name}\tplaintext\n" for name in sasl.MECHANISMS)
        self._output = [
            f"VERSION\t1\t1\n{mechanisms}SPID\t{spid}\nCUID\t{cuid}\nCOOKIE\t{cookie}\nDONE\n".encode()
        ]

    def feed(self, data: bytes) -> list[Attempt]:
        """Return every attempt that `data` completes; ProtocolError when it must not go on."""
        *lines, self._partial = (self._partial + data).split(b"\n")
        attempts: list[Attempt] = []
        for line in lines:
            attempt = self._line(line)
            if attempt is not None:
                attempts.append(attempt)
        if len(self._partial) > MAX_LINE:
            raise ProtocolError(f"a line of more than {MAX_LINE} bytes")
        return attempts

    def data_to_send(self) -> bytes:
        """Return what has to be written since the last call."""
        output = b"".join(self._output)
        self._output.clear()
        return output

    def accept(self, attempt: Attempt, user: str) -> None:
        """Answer OK: the client is `user`, the canonical identity."""
        if not user:
            raise ValueError("OK needs the user it is for")
        if self._close(attempt):
            self._output.append(f"OK\t{attempt.id}\tuser={escape(user)}\n".encode())

    def refuse(self, attempt: Attempt, reason: str = "", user: str = "") -> None:
        """Answer FAIL; Postfix shows `reason` to the client and logs `user`."""
        if self._close(attempt):
            self._fail(attempt.id, reason, user)

    def _close(self, attempt: Attempt) -> bool:
        """Whether `attempt` still waits for its answer; afterwards it does not."""
        if self._deciding.get(attempt.id) is not attempt:
            return False
        del self._deciding[attempt.id]
        return True

    def _fail(self, request: int, reason: str, user: str = "") -> None:
        fields = [f"FAIL\t{request}"]
        if user:
            fields.append(f"user={escape(user)}")
        if reason:
            fields.append(f"reason={escape(reason)}")
        self._output.append(("\t".join(fields) + "\n").encode())

    def _line(self, raw: bytes) -> Attempt | None:
        if len(raw) > MAX_LINE:
            raise ProtocolError(f"a line of more than {MAX_LINE} bytes")
        command, _, rest = raw.decode("utf-8", "replace").partition("\t")
        if self._phase is not _Phase.READY:
            self._handshake(command, rest)
            return None
        number, _, rest = rest.partition("\t")
        request = _request_id(number)
        state = self._state(request)
        handle = _TRANSITIONS.get((command, state))
        if handle is None:
            if command not in _COMMANDS:
                raise ProtocolError("not a command of an auth client")
            raise ProtocolError(f"{command} for a request that is {state}")
        return handle(self, request, rest)

    def _state(self, request: int) -> str:
        if request in self._challenged:
            return _CHALLENGED
        return _DECIDING if request in self._deciding else _ABSENT

    def _handshake(self, command: str, rest: str) -> None:
        """VERSION, then CPID; the minor version may be any (it only ever adds)."""
        if self._phase is _Phase.VERSION:
            major, _, minor = rest.partition("\t")
            if command != "VERSION" or major != "1" or not minor or "\t" in minor:
                raise ProtocolError("the peer does not speak version 1 of the auth protocol")
            self._phase = _Phase.CPID
        else:
            if command != "CPID" or not rest.isdecimal():
                raise ProtocolError("CPID expected")
            self._phase = _Phase.READY

    def _auth(self, request: int, rest: str) -> Attempt | None:
        """AUTH: the mechanism must be one that this listener takes, then its exchange begins."""
        described, given, initial = rest.partition("\tresp=")
        origin = _origin(described)
        mechanism, service = origin[:2]
        if mechanism not in sasl.MECHANISMS or not self._offered(service, mechanism):
            self._fail(request, _MECHANISM)
            return None
        response = _response(initial) if given else None
        return self._take(request, origin, sasl.start(mechanism, response))

    def _continue(self, request: int, rest: str) -> Attempt | None:
        """CONT: the answer to our challenge."""
        waiting = self._challenged.pop(request)
        return self._take(request, waiting.origin, sasl.step(waiting.challenge, _response(rest)))

    def _take(self, request: int, origin: _Origin, outcome: sasl.Outcome) -> Attempt | None:
        """Act on what a mechanism made of the client's data."""
        if isinstance(outcome, sasl.Credentials):
            self._make_room()
            attempt = Attempt(request, *origin, outcome)
            self._deciding[request] = attempt
            return attempt
        if isinstance(outcome, sasl.Malformed):
            self._fail(request, outcome.reason)
            return None
        self._make_room()
        self._challenged[request] = _Open(origin, outcome)
        data = binascii.b2a_base64(outcome.data, newline=False).decode()
        self._output.append(f"CONT\t{request}\t{data}\n".encode())
        return None

    def _make_room(self) -> None:
        """Give up the oldest request that a client walked away from, when there are too many."""
        if len(self._challenged) + len(self._deciding) < MAX_OPEN:
            return
        if not self._challenged:
            raise ProtocolError(f"more than {MAX_OPEN} attempts at a time")
        oldest = next(iter(self._challenged))
        del self._challenged[oldest]
        self._fail(oldest, _GONE)

    def _unknown(self, request: int, _rest: str) -> None:
        """CONT for a request that was given up: it still gets its one answer."""
        self._fail(request, _GONE)

    def _cancel(self, request: int, _rest: str) -> None:
        """CANCEL: the client waits for nothing any more."""
        self._challenged.pop(request, None)
        self._deciding.pop(request, None)


_TRANSITIONS: dict[tuple[str, str], Callable[[Server, int, str], Attempt | None]] = {
    # command, the request's state before -> what happens; what is missing here is an error of the peer
    ("AUTH", _ABSENT): Server._auth,
    ("CONT", _CHALLENGED): Server._continue,
    ("CONT", _ABSENT): Server._unknown,
    ("CANCEL", _ABSENT): Server._cancel,
    ("CANCEL", _CHALLENGED): Server._cancel,
    ("CANCEL", _DECIDING): Server._cancel,
}


_COMMANDS = frozenset(command for command, _ in _TRANSITIONS)


def _request_id(text: str) -> int:
    """Return the number `text` spells; ProtocolError when it is none."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        raise ProtocolError("not a request id")
    request = int(text)
    if request > MAX_ID:
        raise ProtocolError("not a request id")
    return request


@lru_cache(maxsize=REMEMBERED)  # a client's next login comes from the same place; no secret is in here
def _origin(described: str) -> _Origin:
    """Return where an attempt comes from: `mechanism TAB parameters`, without the response.

    Unknown parameters are skipped, as the protocol demands; of a parameter given twice the first holds.
    """
    mechanism, *parameters = described.split("\t")
    values: dict[str, str] = {}
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        values.setdefault(name, value)
    if not mechanism:
        raise ProtocolError("AUTH without a mechanism")
    return (
        mechanism.upper(),  # Postfix passes it on in the client's spelling
        unescape(values.get("service", "")),
        unescape(values.get("rip", "")),
        "secured" in values,
    )


def _response(text: str) -> bytes:
    """Return the client's data, still in base64; what follows it is ignored, as the protocol demands."""
    return unescape(text.partition("\t")[0]).encode()
