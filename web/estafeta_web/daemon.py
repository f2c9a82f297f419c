"""The web process: socket, signals, reload.

SIGTERM and SIGINT stop it: no new connection is taken, requests in hand are answered.
SIGHUP and a changed file reload; of the configuration, the signing keys and the accounts can change
while it runs, and `web`, `store` and `state_dir` are those it was started with.

No access log is written, as a path holds a token.
"""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from estafeta_core import journal, logs, metrics, notify, sockets
from estafeta_core.config.document import ConfigError
from estafeta_core.config.live import Live
from estafeta_core.config.load import Snapshot, known_as
from estafeta_core.config.schema import Config
from estafeta_core.hosting import Shelf
from estafeta_core.links import Links
from estafeta_core.store import Store, StoreUnfit, open_store
from estafeta_core.webhooks.delivery import Delivery
from estafeta_core.webhooks.guard import Guard
from estafeta_core.webhooks.poster import Poster
from estafeta_web import client
from estafeta_web.access import Access
from estafeta_web.answers import HEADERS
from estafeta_web.app import make_app
from estafeta_web.connection import Connection
from estafeta_web.journal import Journal
from estafeta_web.metrics import Metrics
from estafeta_web.recorder import Recorder
from estafeta_web.service import Service

GRACE = 8  # seconds for requests in hand when the process is told to stop; the supervisor kills after 10
# Seconds for which a thread may keep another one from the interpreter: the loop keeps the journal's thread,
# for which a batch of answers waits, and those that read the store for pages keep the loop.
SWITCH = 0.0005
GARBAGE = 20_000  # objects more than were freed, some 5 MB, before the collector looks for cycles
KEEP_ALIVE = 15  # seconds a connection may idle between requests

log = logging.getLogger(__name__)


def run_web(config_path: Path) -> int:
    """Serve until SIGTERM; return the exit status."""
    logs.setup("web", form=logs.form(config_path))
    try:
        live = Live(config_path, patient=True)
    except ConfigError:  # logged by Live, with file, line and key
        return 1
    config = live.current.config
    try:
        links = Links.from_config(config)
        listener = _listen(config)
        store = open_store(config.store, timeout=config.store_timeout)
    except (OSError, ValueError, StoreUnfit) as error:
        log.critical("%s", error)
        return 1
    sockets.use_every_descriptor()
    metrics.open(config.run_dir, "web")
    service = make_service(live.current, links, store)
    live.on_change(lambda snapshot: _take(service, snapshot))
    live.watch()
    _collect_less()
    sys.setswitchinterval(SWITCH)
    with listener, contextlib.closing(store):
        server = Server(make_app(service), live)
        log.info("serving http://%s:%d", config.web.bind, config.web.port)
        server.run(sockets=[listener])
    log.info("stopped")
    return 0


def make_service(snapshot: Snapshot, links: Links, store: Store) -> Service:
    """Return what the paths work with."""
    config = snapshot.config
    counted = Metrics(config.run_dir)
    path = config.state_dir / journal.NAME
    recorder = Recorder(store, Journal(path), counted, known_as(config, path))
    proxies = client.networks(config.web.trusted_proxies)
    webhooks = Delivery(Poster(Guard.from_config(config.webhooks)))
    return Service(
        links,
        Access(snapshot),
        recorder,
        counted,
        store,
        Shelf.of(config),
        webhooks,
        proxies=proxies,
    )


def _collect_less() -> None:
    """Have the garbage collector leave alone what stays, and look at the rest less often.

    Nearly all of a request is freed by counting; what is in hand at a time is looked at in vain.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE)


def _take(service: Service, snapshot: Snapshot) -> None:
    service.links = Links.from_config(snapshot.config)
    service.access.take(snapshot)
    service.webhooks.poster.guard = Guard.from_config(snapshot.config.webhooks)


def _listen(config: Config) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.web.bind else socket.AF_INET
    try:
        return socket.create_server((config.web.bind, config.web.port), family=family, backlog=2048)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else error
        raise OSError(f"cannot listen on {config.web.bind}:{config.web.port}: {why}") from error


class Server(uvicorn.Server):
    """Uvicorn with our settings and our signals."""

    def __init__(self, app: Starlette, live: Live | None = None) -> None:
        self._live = live
        super().__init__(
            uvicorn.Config(
                app,
                loop="uvloop",
                http=Connection,
                ws="none",
                lifespan="on",
                log_config=None,
                log_level="error",  # its warnings are one for each malformed request of whoever sends them
                access_log=False,
                proxy_headers=False,
                server_header=False,
                headers=HEADERS,
                timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=GRACE,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say that requests are answered, as soon as they are."""
        await super().startup(sockets)
        notify.ready()
        self._beating = asyncio.create_task(notify.keep_alive())

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGTERM and SIGINT, reload on SIGHUP.

        Uvicorn's own raises the signal again afterwards: the process would end without an exit status.
        """
        if self._live is None:
            yield
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._live.request_reload)
        yield

    def _stop(self) -> None:
        notify.stopping()
        self.should_exit = True
