"""What a connection from smtpd is to both daemons: an asyncio protocol over a unix socket."""

import asyncio
from typing import cast


class Connection(asyncio.Protocol):
    """What both protocols share: writing, and reading no faster than the peer takes our answers."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)  # a stream socket's is no other

    def pause_writing(self) -> None:
        """Read no more until our answers are taken: their memory is bounded by this."""
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        self.transport.resume_reading()
