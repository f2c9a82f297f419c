"""The receiving side of SMTP (RFC 5321) as far as Postfix's smtp(8) speaks it: bytes in, bytes out.

Announces PIPELINING, SIZE, 8BITMIME and SMTPUTF8. Takes every recipient, except by the local part:
`bounce…` is answered `550 5.1.1`, `defer…` `451 4.2.1`. The message is kept as it was sent: only
the dots that RFC 5321 section 4.5.2 doubles are taken off.

Only CRLF.CRLF ends a message: a bare LF is a byte like any other, so what smuggling leaves behind
in a message shows in the outbox instead of becoming a second message.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

HOST = "capture.invalid"  # RFC 2606: no name that Postfix could take for its own
LINE_LIMIT = 4096  # bytes; a command of RFC 5321 has at most 512 and the SMTPUTF8 address in it

GREETING = f"220 {HOST} ESMTP\r\n".encode()
_EHLO = (
    f"250-{HOST}\r\n250-PIPELINING\r\n250-SIZE\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 SMTPUTF8\r\n"
).encode()
_OK = b"250 2.0.0 Ok\r\n"
_BOUNCE = b"550 5.1.1 No such user here\r\n"
_DEFER = b"451 4.2.1 Mailbox busy, try again later\r\n"
_NEED_MAIL = b"503 5.5.1 Send MAIL first\r\n"
_NEED_RCPT = b"503 5.5.1 Send RCPT first\r\n"
_DATA = b"354 End data with <CR><LF>.<CR><LF>\r\n"
_KEPT = b"250 2.0.0 Ok: kept\r\n"
_NOT_KEPT = b"451 4.3.0 Cannot keep the message\r\n"
_BYE = b"221 2.0.0 Bye\r\n"
_UNKNOWN = b"500 5.5.2 Command not known\r\n"
_TOO_LONG = b"500 5.5.6 Line too long\r\n"
_SIMPLE = {
    b"EHLO": _EHLO,
    b"HELO": f"250 {HOST}\r\n".encode(),
    b"NOOP": _OK,
    b"RSET": _OK,
    b"QUIT": _BYE,
}

_MAIL = re.compile(rb"MAIL FROM:\s*<(.*?)>(?:\s|$)", re.IGNORECASE)
_RCPT = re.compile(rb"RCPT TO:\s*<((?:\"(?:[^\"\\]|\\.)*\"|[^>\"])*)>(?:\s|$)", re.IGNORECASE)
_END = b"\r\n.\r\n"


@dataclass(frozen=True, slots=True)
class Message:
    """What one transaction brought: addresses as they were given, the message byte for byte."""

    sender: bytes
    recipients: tuple[bytes, ...]
    content: bytes
    helo: bytes = b""  # what the client called itself
    peer: str = ""  # the address that it came from


class Session:
    """One connection, from the address `peer`.

    `keep` makes a message durable; while it has not returned, nothing is answered.
    """

    def __init__(self, keep: Callable[[Message], None], peer: str = "") -> None:
        self._keep = keep
        self._peer = peer
        self._helo = b""
        self._buffer = bytearray()
        self._receiving = False
        self._searched = 0  # bytes of the message already known not to hold its end
        self._sender: bytes | None = None
        self._recipients: list[bytes] = []
        self.closed = False

    def feed(self, data: bytes) -> bytes:
        """Return the replies to every command and message that `data` completes."""
        self._buffer += data
        replies = bytearray()
        while not self.closed:
            reply = self._message() if self._receiving else self._line()
            if reply is None:
                break
            replies += reply
        return bytes(replies)

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            if len(self._buffer) <= LINE_LIMIT:
                return None
            self.closed = True
            return _TOO_LONG
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return self._command(line)

    def _command(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        command = _COMMANDS.get(verb)
        if command is not None:
            return command(self, line)
        if verb in (b"EHLO", b"HELO", b"RSET"):
            self._reset()
        if verb in (b"EHLO", b"HELO"):
            self._helo = line[4:].strip()
        self.closed = verb == b"QUIT"
        return _SIMPLE.get(verb, _UNKNOWN)

    def _mail(self, line: bytes) -> bytes:
        match = _MAIL.match(line)
        if match is None:
            return _UNKNOWN
        self._reset()
        self._sender = match[1]
        return _OK

    def _rcpt(self, line: bytes) -> bytes:
        match = _RCPT.match(line)
        if match is None:
            return _UNKNOWN
        if self._sender is None:
            return _NEED_MAIL
        local = match[1].lower()
        if local.startswith(b"bounce"):
            return _BOUNCE
        if local.startswith(b"defer"):
            return _DEFER
        self._recipients.append(match[1])
        return _OK

    def _data(self, _line: bytes) -> bytes:
        if not self._recipients:
            return _NEED_RCPT
        self._receiving = True
        # An end right behind DATA is the end of an empty message: it too begins with CRLF.
        self._buffer[:0] = b"\r\n"
        self._searched = 0
        return _DATA

    def _message(self) -> bytes | None:
        end = self._buffer.find(_END, self._searched)
        if end < 0:
            self._searched = max(0, len(self._buffer) - len(_END) + 1)
            return None
        content = bytes(self._buffer[2 : end + 2])
        del self._buffer[: end + len(_END)]
        self._receiving = False
        if content.startswith(b"."):
            content = content[1:]
        message = Message(
            sender=self._sender or b"",
            recipients=tuple(self._recipients),
            content=content.replace(b"\r\n.", b"\r\n"),
            helo=self._helo,
            peer=self._peer,
        )
        self._reset()
        try:
            self._keep(message)
        except OSError:  # disk full: Postfix keeps the message and comes again
            return _NOT_KEPT
        return _KEPT

    def _reset(self) -> None:
        self._sender = None
        self._recipients = []


_COMMANDS: dict[bytes, Callable[[Session, bytes], bytes]] = {
    b"MAIL": Session._mail,
    b"RCPT": Session._rcpt,
    b"DATA": Session._data,
}
