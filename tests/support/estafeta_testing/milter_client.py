"""Postfix's side of the milter protocol (version 6), and what Postfix makes of the edits it is told.

    packet = length (4, counting what follows) + command (1) + data

`Client` speaks as smtpd(8) and cleanup(8) do: options first, macros before the command they belong to, one
leading space of a header value dropped, body chunks of 65,535 bytes, no answer awaited where the milter
said it gives none. `Queued` is a message in the queue, with the rules of cleanup_milter.c for each edit.

ConnectionError says that the milter has gone, as Postfix's `451 4.7.1 Service unavailable` does.
"""

import socket
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

VERSION = 6
ACTIONS = 0x1FF  # every edit there is
PROTOCOL = 0x1FFFFF  # whatever may be left out, Postfix 3.7 can leave out
CHUNK = 65_535  # MILTER_CHUNK_SIZE

NO_MAIL, NO_RCPT, NO_BODY, NO_HEADERS, NO_EOH, NO_UNKNOWN, NO_DATA = (
    0x04,
    0x08,
    0x10,
    0x20,
    0x40,
    0x100,
    0x200,
)
NR_MAIL, NR_RCPT, NR_DATA, NR_UNKNOWN, NR_EOH = 0x4000, 0x8000, 0x10000, 0x20000, 0x40000
NR_BODY, NR_HEADER = 0x80000, 0x80
HEADER_LEADING_SPACE = 0x100000

MACROS = {"{auth_authen}": "acme/main", "{client_addr}": "127.0.0.1"}  # at MAIL

Fields = Sequence[tuple[str, bytes]]
_FINAL = frozenset(b"acdrty")


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet from the milter."""

    command: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """The packet that ends a step, and the edits that came before it."""

    command: str
    """a accept, c continue, d discard, r reject, t tempfail, y a reply of its own; "" where none is given."""
    text: str = ""
    edits: tuple[Packet, ...] = ()

    @property
    def going_on(self) -> bool:
        """Whether Postfix goes on with the message, or takes it."""
        return self.command in ("", "c", "a")

    @property
    def temporary(self) -> bool:
        """Whether the client is told to come again."""
        return self.command == "t" or (self.command == "y" and self.text.startswith("4"))


NONE = Answer("")


@dataclass
class Queued:
    """A message in Postfix's queue."""

    sender: str
    recipients: list[str]
    headers: list[tuple[str, bytes]]
    body: bytes
    _new_body: bytes | None = field(default=None, repr=False)

    def edit(self, packets: Iterable[Packet]) -> Self:
        """Make each change in turn, and return the message."""
        for packet in packets:
            _EDITS[packet.command](self, packet.data)
        if self._new_body is not None:
            self.body = self._new_body
        return self

    def values(self, name: str) -> list[bytes]:
        """Return the values of every field called `name`."""
        return [value for other, value in self.headers if other.lower() == name.lower()]

    def _change_header(self, data: bytes) -> None:
        index = struct.unpack(">I", data[:4])[0] or 1
        name, value = _strings(data[4:])
        places = [place for place, (other, _) in enumerate(self.headers) if _label(other) == name.lower()]
        if len(places) < index:
            if value:  # what is not there is appended
                self.headers.append((name.decode("ascii"), value))
        elif value:
            self.headers[places[index - 1]] = (name.decode("ascii"), value)
        else:
            del self.headers[places[index - 1]]

    def _add_header(self, data: bytes) -> None:
        name, value = _strings(data)
        self.headers.append((name.decode("ascii"), value))

    def _add_recipient(self, data: bytes) -> None:
        self.recipients.append(_address(data))

    def _delete_recipient(self, data: bytes) -> None:
        address = _address(data)
        self.recipients = [recipient for recipient in self.recipients if recipient != address]

    def _change_sender(self, data: bytes) -> None:
        self.sender = _address(data)

    def _replace_body(self, data: bytes) -> None:
        self._new_body = (self._new_body or b"") + data


_EDITS = {
    "m": Queued._change_header,
    "h": Queued._add_header,
    "+": Queued._add_recipient,
    "-": Queued._delete_recipient,
    "e": Queued._change_sender,
    "b": Queued._replace_body,
}


class Client:
    """One SMTP session, as the milter is told of it."""

    def __init__(self, path: Path, timeout: float = 30.0, listener: str = "submission") -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout)
        self._input = self._socket.makefile("rb")
        try:
            self._socket.connect(str(path))
            self.protocol = self._negotiate()
            self._macros("C", {"{daemon_name}": listener})
        except OSError:
            self.cut()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def mail(
        self,
        sender: str = "news@acme.example",
        macros: Mapping[str, str] | None = None,
        parameters: Sequence[str] = (),
    ) -> Answer:
        """Say MAIL FROM, with parameters such as `SIZE=1000`."""
        self._macros("M", MACROS if macros is None else macros)
        words = b"".join(map(_zero, (f"<{sender}>", *parameters)))
        return self._step(b"M", words, NO_MAIL, NR_MAIL)

    def rcpt(self, recipient: str = "alice@example.net") -> Answer:
        """Say RCPT TO."""
        return self._step(b"R", _zero(f"<{recipient}>"), NO_RCPT, NR_RCPT)

    def rcpt_out_of_order(self, recipient: str) -> None:
        """Say RCPT TO where no message has begun: libmilter passes over it and answers nothing."""
        self._send(b"R" + _zero(f"<{recipient}>"))

    def unknown(self, command: str) -> Answer:
        """Say a command that is none of Postfix's."""
        return self._step(b"U", _zero(command), NO_UNKNOWN, NR_UNKNOWN)

    def data(self) -> Answer:
        """Say DATA."""
        return self._step(b"T", b"", NO_DATA, NR_DATA)

    def header(self, name: str, value: bytes) -> Answer:
        """Tell one field as it stands in the message: `value` is all that follows the colon."""
        if not self.protocol & HEADER_LEADING_SPACE:
            value = value.removeprefix(b" ")
        # C strings: Postfix ends both at the first NUL, and the name before white space.
        data = _zero(name.rstrip(" \t")) + value.partition(b"\0")[0] + b"\0"
        return self._step(b"L", data, NO_HEADERS, NR_HEADER)

    def eoh(self) -> Answer:
        """Tell the end of the header."""
        return self._step(b"N", b"", NO_EOH, NR_EOH)

    def body(self, body: bytes) -> Answer:
        """Tell the body, in chunks."""
        for start in range(0, len(body), CHUNK):
            answer = self._step(b"B", body[start : start + CHUNK], NO_BODY, NR_BODY)
            if not answer.going_on:
                return answer
        return NONE

    def begin_eom(self, queue_id: str = "4Xq") -> None:
        """Tell the final dot, and do not wait."""
        self._macros("E", {"i": queue_id})
        self._send(b"E")

    def end_eom(self) -> Answer:
        """Wait for the edits and the answer to the final dot."""
        return self._answer()

    def eom(self, queue_id: str = "4Xq") -> Answer:
        """Tell the final dot."""
        self.begin_eom(queue_id)
        return self.end_eom()

    def content(self, headers: Fields, body: bytes) -> None:
        """Tell header and body; a field's value is what follows the colon and one space."""
        for name, value in headers:
            self.header(name, b" " + value)
        self.eoh()
        self.body(body)

    def message(
        self, message: Queued, queue_id: str = "4Xq", macros: Mapping[str, str] | None = None
    ) -> Answer:
        """Tell a whole message, which goes on as long as a recipient is taken; return what ended it."""
        answer = self.mail(message.sender, macros)
        if not answer.going_on:
            return answer
        answers = [self.rcpt(recipient) for recipient in message.recipients]
        if not any(answer.going_on for answer in answers):
            self.abort()
            return answers[-1]
        self.data()
        self.content(message.headers, message.body)
        return self.eom(queue_id)

    def abort(self) -> None:
        """Tell RSET, or whatever else ends a message before its final dot."""
        self._send(b"A")

    def quit(self) -> None:
        """End the session in order."""
        self._send(b"Q")
        self.cut()

    def cut(self) -> None:
        """Drop the connection, wherever it is."""
        self._input.close()
        self._socket.close()

    def _negotiate(self) -> int:
        self._send(b"O" + struct.pack(">III", VERSION, ACTIONS, PROTOCOL))
        options = self._receive()
        assert options.command == "O", options
        protocol: int = struct.unpack(">III", options.data[:12])[2]
        return protocol

    def _macros(self, command: str, macros: Mapping[str, str]) -> None:
        self._send(b"D" + command.encode() + b"".join(_zero(name) + _zero(macros[name]) for name in macros))

    def _step(self, command: bytes, data: bytes, left_out: int, unanswered: int) -> Answer:
        if self.protocol & left_out:
            return NONE
        self._send(command + data)
        return NONE if self.protocol & unanswered else self._answer()

    def _answer(self) -> Answer:
        edits: list[Packet] = []
        while True:
            packet = self._receive()
            if packet.command == "p":
                continue
            if ord(packet.command) in _FINAL:
                return Answer(packet.command, packet.data.rstrip(b"\0").decode("latin-1"), tuple(edits))
            edits.append(packet)

    def _send(self, data: bytes) -> None:
        self._socket.sendall(struct.pack(">I", len(data)) + data)

    def _receive(self) -> Packet:
        length = self._input.read(4)
        if len(length) < 4:
            raise ConnectionError("the milter has closed the connection")
        packet = self._input.read(struct.unpack(">I", length)[0])
        if len(packet) < struct.unpack(">I", length)[0]:
            raise ConnectionError("the milter has closed the connection in the middle of a packet")
        return Packet(chr(packet[0]), packet[1:])


def packet_of_change(name: str, index: int, value: str) -> Packet:
    """Return the packet that gives a field another value; "" takes it away."""
    return Packet("m", struct.pack(">I", index) + _zero(name) + _zero(value))


def packet_of_addition(name: str, value: str) -> Packet:
    """Return the packet that appends a field."""
    return Packet("h", _zero(name) + _zero(value))


def packet_of_address(command: str, address: str) -> Packet:
    """Return the packet that deletes a recipient (-) or sets the sender (e)."""
    return Packet(command, _zero(f"<{address}>"))


def _zero(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape") + b"\0"


def _strings(data: bytes) -> tuple[bytes, bytes]:
    name, _, value = data.partition(b"\0")
    return name, value.removesuffix(b"\0")


def _label(name: str) -> bytes:
    """Return a field's name as Postfix compares it: white space before the colon is no part of it."""
    return name.rstrip(" \t").lower().encode()


def _address(data: bytes) -> str:
    text = data.partition(b"\0")[0].decode("utf-8", "surrogateescape")
    return text.removeprefix("<").removesuffix(">")
