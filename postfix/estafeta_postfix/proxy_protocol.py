"""What a listener behind a proxy wants to hear before anything else, said by who asks it on this host.

Source: "The PROXY protocol", version 2, of HAProxy (doc/proxy-protocol.txt), section 2.2. LOCAL means that
the connection is the proxy's own, as its health checks are: smtpd(8) then takes the address that it sees.
"""

import smtplib
import socket
import ssl

from estafeta_core.config.schema import Listener

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_VERSION_2_LOCAL = 0x20
_UNSPECIFIED = 0x00  # family and transport: no addresses follow
LOCAL = _SIGNATURE + bytes((_VERSION_2_LOCAL, _UNSPECIFIED, 0, 0))  # the last two: length of what follows


def introduction(listener: Listener) -> bytes:
    """Return what to send first to `listener`, before TLS too; nothing where no proxy stands in front."""
    return LOCAL if listener.proxy_protocol else b""


def connect(listener: Listener, host: str, timeout: float) -> socket.socket:
    """Return a connection to a listener, which greets next; OSError."""
    made = socket.create_connection((host, listener.port), timeout)
    made.sendall(introduction(listener))
    return made


def client(listener: Listener, host: str, timeout: float, tls: ssl.SSLContext) -> smtplib.SMTP:
    """Return an SMTP client that a listener has greeted, under TLS where it begins so.

    OSError, smtplib.SMTPException.
    """
    if listener.tls == "implicit":
        encrypted = _Encrypted if listener.proxy_protocol else smtplib.SMTP_SSL
        return encrypted(host, listener.port, timeout=timeout, context=tls)
    plain = _Plain if listener.proxy_protocol else smtplib.SMTP
    return plain(host, listener.port, timeout=timeout)


class _Plain(smtplib.SMTP):
    """A client that says LOCAL as soon as it is connected."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        made: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        made.sendall(LOCAL)
        return made


class _Encrypted(smtplib.SMTP_SSL, _Plain):
    """The same before TLS: SMTP_SSL takes its socket from the next of these classes."""
