"""The receipt proxy's way of running: its socket and its signals.

SIGTERM finishes the messages in hand and takes no further connection. SIGHUP changes nothing: all that the
proxy has from the configuration are places, which a process keeps.
"""

import asyncio
import logging
import os
import socket
import time
from pathlib import Path

import uvloop

from estafeta_core import logs, metrics, sockets
from estafeta_core.config.document import ConfigError
from estafeta_core.config.load import load_config
from estafeta_core.config.schema import Config
from estafeta_core.store import open_store
from estafeta_core.tickets import LISTENER
from estafeta_policy import listening, serving
from estafeta_postfix.receipt.relay import Conversation, Relay
from estafeta_postfix.receipt.wording import LOOK_UP, Wording

DRAIN = 8.0  # seconds; the supervisor kills after 10

log = logging.getLogger(__name__)


class Sessions:
    """The sessions that are open, each of them with a message in hand or soon."""

    def __init__(self) -> None:
        self._open: set[Relay] = set()
        self.none = asyncio.Event()  # set while there is none
        self.none.set()

    def add(self, session: Relay) -> Relay:
        """Take note of a session, and return it."""
        self._open.add(session)
        self.none.clear()
        return session

    def remove(self, session: Relay) -> None:
        """Forget a session that has ended."""
        self._open.discard(session)
        if not self._open:
            self.none.set()


def run_receipt(config_path: Path) -> int:
    """Serve until SIGTERM; return the exit status."""
    logs.setup("receipt", form=logs.form(config_path))
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd's: it would log every command
    try:
        config = load_config(config_path)
        listener = listener_socket(config)
        own = listening.inherited(os.environ) or listening.bound(
            sockets.receipt(config.run_dir), config.socket_group
        )
    except (ConfigError, sockets.SocketError, OSError) as error:
        log.critical("%s", error)
        return 1
    metrics.open(config.run_dir, "receipt")
    store = open_store(config.store, timeout=LOOK_UP)
    wording = Wording(store, lambda: time.time_ns() // 1_000_000)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(own, listener, wording, config.hostname))
    store.close()
    return 0


def listener_socket(config: Config) -> Path:
    """Return the socket of the listener behind the proxy. SocketError when its path is too long."""
    path = config.queue_directory / "public" / LISTENER
    if len(str(path).encode()) > sockets.PATH_LIMIT:
        raise sockets.SocketError(
            f"{path}: a socket's path may have {sockets.PATH_LIMIT} bytes; choose a shorter queue_directory"
        )
    return path


async def _serve(own: socket.socket, listener: Path, wording: Wording, hostname: str) -> None:
    """Answer until SIGTERM or SIGINT, then until nothing is in hand."""
    sessions = Sessions()

    def relay() -> Relay:
        return sessions.add(Relay(Conversation(listener, wording), hostname, sessions.remove))

    await serving.until_told(own, relay, sessions.none, drain=DRAIN, reload=lambda: None)
