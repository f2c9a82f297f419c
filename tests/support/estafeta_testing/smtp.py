"""An SMTP client that sends exactly the bytes it is given, for tests that no polite client can run.

`reply` returns a whole reply, its lines joined by LF and without line ends. ConnectionError (from it, or from
sending) means that the server has closed the connection; TimeoutError that it says nothing.
"""

import base64
import contextlib
import socket
import ssl
from collections.abc import Collection, Iterable
from typing import Self

TIMEOUT = 60.0  # seconds; SparkPost's clients wait so long for a reply


class Connection:
    """One connection; `tls` from the start where a context is given.

    `source` is an address of this machine, `first` what is said before all else.
    """

    def __init__(
        self,
        host: str,
        port: int,
        tls: ssl.SSLContext | None = None,
        timeout: float = TIMEOUT,
        source: str = "",
        first: bytes = b"",
    ) -> None:
        plain = socket.create_connection((host, port), timeout, (source, 0))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.sendall(first)
        self._host = host
        self._socket = tls.wrap_socket(plain, server_hostname=host) if tls else plain
        self._received = bytearray()
        self.transcript: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close without a word."""
        self._socket.close()

    def quit(self) -> None:
        """Take leave, if anybody is there."""
        with contextlib.suppress(OSError):
            self.command("QUIT")
        self.close()

    def send(self, data: bytes) -> None:
        """Send `data` in one piece."""
        self._socket.sendall(data)

    def reply(self, timeout: float | None = None) -> str:
        """Return the next reply; wait `timeout` seconds, or as long as the connection's own limit."""
        self._socket.settimeout(TIMEOUT if timeout is None else timeout)
        lines: list[str] = []
        while not lines or lines[-1][3:4] == "-":
            lines.append(self._line())
        self.transcript += [f"S: {line}" for line in lines]
        return "\n".join(lines)

    def _line(self) -> str:
        while (end := self._received.find(b"\r\n")) < 0:
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionError("the server closed the connection")
            self._received += data
        line = bytes(self._received[:end])
        del self._received[: end + 2]
        return line.decode("utf-8", "backslashreplace")

    def command(self, line: str | bytes) -> str:
        """Send one line and return the reply."""
        raw = line.encode() if isinstance(line, str) else line
        self.transcript.append(f"C: {raw.decode('utf-8', 'backslashreplace')}")
        self.send(raw + b"\r\n")
        return self.reply()

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Shake hands, after the server's 220."""
        self._socket = context.wrap_socket(self._socket, server_hostname=self._host)

    def login(self, username: str, password: str, mechanisms: Collection[str] = ("PLAIN",)) -> str:
        """Log in with AUTH PLAIN where it is among the `mechanisms`, else with LOGIN; return the reply."""
        if "PLAIN" in mechanisms:
            return self.command(f"AUTH PLAIN {_base64(f'{chr(0)}{username}{chr(0)}{password}')}")
        replies = (self.command(line) for line in ("AUTH LOGIN", _base64(username), _base64(password)))
        reply = next(replies)
        while reply.startswith("334"):
            reply = next(replies)
        return reply

    def envelope(self, sender: str, recipients: Iterable[str]) -> str:
        """Send MAIL, every RCPT and DATA in one packet; return the first reply that is not as wished."""
        commands = [f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{address}>" for address in recipients), "DATA"]
        self.transcript += [f"C: {command}" for command in commands]
        self.send("".join(f"{command}\r\n" for command in commands).encode())
        replies = [self.reply() for _ in commands]
        return next((reply for reply in replies[:-1] if not reply.startswith("250")), replies[-1])

    def message(self, sender: str, recipients: Iterable[str], content: bytes) -> str:
        """Send a message and return the reply to its final dot, or the refusal that came sooner."""
        reply = self.envelope(sender, recipients)
        if not reply.startswith("354"):
            return reply
        self.send(stuffed(content))
        return self.reply()


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def stuffed(content: bytes) -> bytes:
    """Return a message as DATA takes it: dots doubled, its end marked (RFC 5321 section 4.5.2)."""
    whole = content if content.endswith(b"\r\n") or not content else content + b"\r\n"
    return (b"\r\n" + whole).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


def queue_id(reply: str) -> str:
    """Return the queue id in the reply to a final dot; AssertionError when the message was refused."""
    head, _, id_ = reply.partition(" queued as ")
    assert head == "250 2.0.0 Ok:", f"not accepted: {reply}"
    return id_
