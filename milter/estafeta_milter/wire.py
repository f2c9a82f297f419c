"""The milter protocol (version 6) on the side of a milter that makes copies: bytes in, messages out, no I/O.

    packet  = length (4, counting what follows) + command (1) + data
    text    = bytes without NUL + NUL
    O       version (4) actions (4) protocol (4): what Postfix can do; answered by what is wanted of it
    M R     MAIL and RCPT: text*, the first of them the address
    D       command (1) (name text, value text)*: macros of the command that follows
    L       name text, value text: a header field
    B       a piece of the body
    E       the end of the message: the one command that is answered, by edits and a last packet
    A Q     the message, or the connection, is given up

Other commands are not sent, because that is asked for at the beginning, nor is any but E answered. So Postfix
hands over a whole message in a few writes. libmilter reads each packet by itself, asks Python about each
and gives each connection a thread: for a copy that took as long as everything else that is done for it.

Raises ProtocolError when the peer breaks that grammar; the caller then closes, and Postfix keeps the message.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from estafeta_core.headers import Header
from estafeta_core.refusal import Refusal
from estafeta_milter import edits

VERSION = 6
# Header fields that are taken in of a message, but for one that tells of too many: the 50,000 that a client
# may send, and what has been added since.
FIELDS = 51_000
PACKET = 1 << 20  # bytes; Postfix's largest has 65,536
CHUNK = 65_535  # bytes of a body in one packet (Postfix's MILTER_CHUNK_SIZE)
ACTIONS = (
    0x01  # header fields added
    | 0x02  # body replaced
    | 0x04  # recipients added
    | 0x08  # recipients deleted
    | 0x10  # header fields changed or deleted
    | 0x40  # sender changed
)
PROTOCOL = (
    0x01
    | 0x02
    | 0x40
    | 0x100
    | 0x200  # not sent: connect, HELO, end of the header, unknown commands, DATA
    | 0x80
    | 0x4000
    | 0x8000
    | 0x80000  # not answered: header fields, MAIL, RCPT, pieces of the body
)

_LENGTH = struct.Struct(">I")
_OPTIONS = struct.Struct(">III")
_FIELD = ord("L")
_QUEUE_ID = b"Ei\0"  # the macro i, before E
_ACCEPT = b"\0\0\0\1a"


class ProtocolError(Exception):
    """The peer does not speak the protocol, or cannot do what is needed."""


@dataclass(slots=True)
class Handover:
    """One message, as far as it has come."""

    sender: str
    recipients: list[str] = field(default_factory=list)
    headers: list[Header] = field(default_factory=list)
    body: list[bytes] = field(default_factory=list)
    queue_id: str = ""


class Conversation:
    """One connection from Postfix."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._message: Handover | None = None
        self._negotiated = False
        self.closed = False
        """Postfix has said that it leaves."""

    @property
    def in_hand(self) -> bool:
        """Whether a message has begun and not ended."""
        return self._message is not None

    def feed(self, data: bytes | memoryview) -> Iterator[Handover | bytes]:
        """Yield every message that `data` completes, and what is to be sent at once."""
        self._buffer += data
        at, buffer = 0, self._buffer
        while len(buffer) - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, at)
            if not 0 < length <= PACKET:
                raise ProtocolError(f"a packet of {length} bytes")
            begin = at + _LENGTH.size
            if len(buffer) - begin < length:
                break
            at = begin + length
            command, rest = buffer[begin], bytes(buffer[begin + 1 : at])
            if command == _FIELD and self._message is not None:  # most are
                if len(self._message.headers) <= FIELDS:
                    self._message.headers.append(_header(rest))
            elif (found := self._packet(chr(command), rest)) is not None:
                yield found
        del buffer[:at]

    def _packet(self, command: str, data: bytes) -> Handover | bytes | None:
        """Take in any other packet, as far as it may stand where it stands."""
        if command == "Q":
            self._message, self.closed = None, True
        elif command == "O" and not self._negotiated:
            return self._options(data)
        elif command in "MDA" and self._negotiated and self._message is None:
            if command == "M":
                self._message = Handover(_address(data))
        elif command in "RBDEA" and self._message is not None:
            return self._within(self._message, command, data)
        else:
            raise ProtocolError(f"command {command!r} where it cannot stand")
        return None

    def _within(self, message: Handover, command: str, data: bytes) -> Handover | None:
        """Take in what belongs to a message, and return it if that was all."""
        if command == "R":
            message.recipients.append(_address(data))
        elif command == "B":
            message.body.append(data)
        elif command == "D" and data.startswith(_QUEUE_ID):
            message.queue_id = _text(data.removeprefix(_QUEUE_ID))
        elif command in "EA":
            self._message = None
        return message if command == "E" else None

    def _options(self, data: bytes) -> bytes:
        if len(data) < _OPTIONS.size:
            raise ProtocolError("options without their numbers")
        version, actions, protocol = _OPTIONS.unpack_from(data)
        if version < VERSION or ACTIONS & ~actions or PROTOCOL & ~protocol:
            raise ProtocolError(
                f"version {version}, actions {actions:#x}, protocol {protocol:#x} are too little"
            )
        self._negotiated = True
        return _packet(b"O", _OPTIONS.pack(VERSION, ACTIONS, PROTOCOL))


def answer(outcome: Iterable[edits.Edit] | Refusal) -> bytes:
    """Return what answers the end of a message."""
    if isinstance(outcome, Refusal):
        return _packet(b"y", str(outcome).replace("%", "%%").encode("ascii") + b"\0")
    return b"".join([*(packet for edit in outcome for packet in _edit(edit)), _ACCEPT])


def _edit(edit: edits.Edit) -> Iterator[bytes]:
    match edit:
        case edits.DeleteHeader(name, occurrence):
            yield _packet(b"m", _LENGTH.pack(occurrence) + _zero(name) + b"\0")
        case edits.ChangeHeader(name, occurrence, value):
            yield _packet(b"m", _LENGTH.pack(occurrence) + _zero(name) + _zero(value))
        case edits.AddHeader(name, value):
            yield _packet(b"h", _zero(name) + _zero(value))
        case edits.DeleteRecipient(address):
            yield _packet(b"-", _zero(f"<{address}>"))
        case edits.AddRecipient(address):
            yield _packet(b"+", _zero(f"<{address}>"))
        case edits.ChangeSender(address):
            yield _packet(b"e", _zero(f"<{address}>"))
        case edits.ReplaceBody(body):
            for start in range(0, len(body) or 1, CHUNK):
                yield _packet(b"b", body[start : start + CHUNK])


def _header(data: bytes) -> Header:
    name, _, value = data.partition(b"\0")
    return Header(name.decode("ascii", "surrogateescape"), value.removesuffix(b"\0"))


def _packet(command: bytes, data: bytes) -> bytes:
    return _LENGTH.pack(1 + len(data)) + command + data


def _zero(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape") + b"\0"


def _text(data: bytes) -> str:
    return data.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _address(data: bytes) -> str:
    text = _text(data)
    return text[1:-1] if text.startswith("<") and text.endswith(">") else text
