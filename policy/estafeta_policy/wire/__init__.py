"""The two protocols as Postfix speaks them: bytes in, values out, no sockets.

Whose fault an error is shows in its class: ProtocolError is the peer's, ValueError is ours.
"""


class ProtocolError(Exception):
    """The peer broke the grammar or a bound; the caller logs it and closes the connection."""
