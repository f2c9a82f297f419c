"""The capture server's socket: asyncio, one `Session` per connection.

A sandbox serves in its own process; by itself it is a program:

    python -m estafeta_postfix.capture.server OUTBOX PORT INTAKE_PORT BOUNCE_DOMAIN

takes mail on PORT of loopback into the Maildir OUTBOX, and sends reports to the SMTP server on INTAKE_PORT.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from estafeta_postfix import ports
from estafeta_postfix.capture.answering import Answering
from estafeta_postfix.capture.outbox import Outbox
from estafeta_postfix.capture.session import GREETING, Message, Session


class _Connection(asyncio.Protocol):
    def __init__(self, outbox: Outbox, answering: Answering | None) -> None:
        self._outbox = outbox
        self._answering = answering
        self._session: Session | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._session = Session(self._keep, self._transport.get_extra_info("peername")[0])
        self._transport.write(GREETING)

    def _keep(self, message: Message) -> None:
        self._outbox.keep(message)
        if self._answering is not None:
            self._answering.taken(message)

    def data_received(self, data: bytes) -> None:
        if self._session is None or self._transport is None:
            return
        replies = self._session.feed(data)
        if replies:
            self._transport.write(replies)
        if self._session.closed:
            self._transport.close()


async def serve(outbox: Outbox, host: str, port: int, answering: Answering | None = None) -> asyncio.Server:
    """Return the running server; `port` 0 takes any that is free. With `answering`, recipients complain."""
    return await asyncio.get_running_loop().create_server(
        lambda: _Connection(outbox, answering), host, port, backlog=256
    )


async def run(folder: Path, port: int, intake_port: int, bounce_domain: str) -> None:
    """Serve on loopback until the process is stopped."""
    answering = Answering(ports.LOOPBACK, intake_port, bounce_domain)
    async with await serve(Outbox(folder), ports.LOOPBACK, port, answering) as server:
        await server.serve_forever()


def main(arguments: Sequence[str]) -> None:
    """Run the program that the head of this file describes."""
    folder, port, intake_port, bounce_domain = arguments
    asyncio.run(run(Path(folder), int(port), int(intake_port), bounce_domain))


if __name__ == "__main__":
    main(sys.argv[1:])
