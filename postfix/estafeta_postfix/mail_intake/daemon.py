"""The intake's way of running: its socket, its signals, and what Postfix is answered.

250 is answered when what a message changes is durable; 451 while the store, or the disk for what is kept, is
away, and Postfix comes again. A message that a bug of ours cannot read is logged with its queue id, kept for
the operator and answered 250: it would fail as often as it came.

SIGTERM finishes the messages in hand. SIGHUP and a changed file reload: of the configuration, the signing
keys can change while it runs.
"""

import asyncio
import contextlib
import functools
import logging
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import uvloop

from estafeta_core import logs, metrics, sockets
from estafeta_core.config.document import ConfigError
from estafeta_core.config.live import Live
from estafeta_core.config.load import Snapshot
from estafeta_core.links import Links
from estafeta_core.store import RowsRefused, Store, StoreUnavailable, StoreUnfit, open_store
from estafeta_core.store.rows import Row
from estafeta_policy import listening, serving
from estafeta_postfix.mail_intake.intake import Intake, Outcome, queue_id
from estafeta_postfix.mail_intake.kept import FOLDER, Kept
from estafeta_postfix.mail_intake.lmtp import Conversation
from estafeta_postfix.mail_intake.mail import Mail, opened

DRAIN = 8.0  # seconds for what is in hand; the supervisor kills after 10
READERS = 4  # threads that read messages: a long one keeps no other waiting

TAKEN = "250 2.0.0 Ok"
AWAY = "451 4.3.0 Cannot write it down now, try again later"

log = logging.getLogger(__name__)


class Taker:
    """Takes messages, and remembers how many it has in hand."""

    def __init__(self, intake: Intake, store: Store, kept: Kept, patience: float) -> None:
        self._intake = intake
        self._store = store
        self._kept = kept
        self._patience = patience
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._in_hand = 0
        self.idle = asyncio.Event()  # set while nothing is in hand
        self.idle.set()

    async def take(self, sender: str, recipients: list[str], raw: bytes) -> list[str]:
        """Return an answer for each recipient."""
        self._in_hand += 1
        self.idle.clear()
        try:
            return [await self._take_for(sender, recipient, raw) for recipient in recipients]
        finally:
            self._in_hand -= 1
            if not self._in_hand:
                self.idle.set()

    async def _take_for(self, sender: str, recipient: str, raw: bytes) -> str:
        loop = asyncio.get_running_loop()
        try:
            reading = functools.partial(self._read, sender, recipient, raw)
            id_, outcome = await loop.run_in_executor(self._readers, reading)
            await self._write(outcome.rows)
        except (StoreUnavailable, OSError) as error:
            log.error("deferred: %s", error or "no answer in time")
            return AWAY
        log.info("%s: to=<%s>: %s", id_, recipient, outcome.what)
        return TAKEN

    def _read(self, sender: str, recipient: str, raw: bytes) -> tuple[str, Outcome]:
        """Return queue id and outcome, in a thread; what is to be kept is kept by then."""
        mail, id_ = Mail(sender, recipient, raw, (), b"", None), "?"  # what is sure whatever happens
        try:
            mail = opened(sender, recipient, raw)
            id_ = queue_id(mail)
            outcome = self._intake.take(mail)
        except StoreUnavailable:
            raise
        except Exception:  # a bug here would meet the message each time Postfix came with it
            log.exception("%s: cannot be read, kept for the operator", id_)
            outcome = Outcome("kept: it cannot be read", keep=True)
        if outcome.keep:
            self._kept.keep(mail)
        return id_, outcome

    async def _write(self, rows: list[Row]) -> None:
        if not rows:
            return
        try:
            await asyncio.wait_for(asyncio.wrap_future(self._store.submit(rows)), self._patience)
        except RowsRefused:  # a bug: the schema will not take these rows another time either
            log.exception("what a report changes is not written down")


def run_intake(config_path: Path) -> int:
    """Serve until SIGTERM; return the exit status."""
    logs.setup("intake", form=logs.form(config_path))
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd's: it would log every command
    try:
        live = Live(config_path, patient=True)
    except ConfigError:  # logged by Live, with file, line and key
        return 1
    config = live.current.config
    try:
        links = Links.from_config(config)
        own = listening.inherited(os.environ) or listening.bound(
            sockets.intake(config.run_dir), config.socket_group
        )
        store = open_store(config.store, timeout=config.store_timeout)
    except (sockets.SocketError, OSError, ValueError, StoreUnfit) as error:
        log.critical("%s", error)
        return 1
    metrics.open(config.run_dir, "intake")
    intake = Intake(store, links, config.hostname)
    live.on_change(lambda snapshot: _adopt(intake, snapshot))
    live.watch()
    with contextlib.closing(store), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        kept = Kept(config.state_dir / FOLDER)
        runner.run(_serve(own, live, Taker(intake, store, kept, config.store_timeout)))
    return 0


def _adopt(intake: Intake, snapshot: Snapshot) -> None:
    intake.links = Links.from_config(snapshot.config)


async def _serve(own: socket.socket, live: Live, taker: Taker) -> None:
    """Answer until told to stop, then until nothing is in hand."""
    hostname = live.current.config.hostname
    await serving.until_told(
        own,
        lambda: Conversation(taker.take, hostname),
        taker.idle,
        drain=DRAIN,
        reload=live.request_reload,
    )
