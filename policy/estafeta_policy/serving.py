"""One way to run for every daemon that answers on a unix socket: signals, systemd, and the end.

SIGTERM and SIGINT finish what is in hand and take nothing further. SIGHUP reloads.
"""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable

from estafeta_core import notify

log = logging.getLogger(__name__)


async def until_told(
    own: socket.socket,
    connection: Callable[[], asyncio.BaseProtocol],
    idle: asyncio.Event,
    *,
    drain: float,
    reload: Callable[[], object],
) -> None:
    """Answer each client of `own` by a `connection` until told to stop.

    Then wait for `idle`, which is set while nothing is in hand, but for `drain` seconds at most.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload)
    server = await loop.create_unix_server(connection, sock=own)
    log.info("serving %s", own.getsockname())
    notify.ready()
    beating = loop.create_task(notify.keep_alive())
    await stop.wait()
    notify.stopping()
    server.close()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(idle.wait(), drain)
    beating.cancel()
    log.info("stopped")
