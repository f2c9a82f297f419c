"""The milter's processes, signals and reload.

libmilter runs a callback per message under Python's lock, so threads do not scale
and processes do: the parent opens the socket and forks one process a core, which
all accept from it. A process that dies is replaced. libmilter runs outside each
process's main thread, because Python answers signals only in that one.

SIGTERM and SIGINT stop: messages in hand are finished, new ones answered 421, and the
process ends as soon as none is in hand, or after `DRAIN` seconds. SIGHUP reloads. The
configuration is also re-read when its files change.

libmilter's own way to stop is not used: it drops messages whose next command has not come yet,
may wait for ever in accept(2) where several processes share a socket, and removes the socket.
"""

import contextlib
import ctypes
import logging
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import Milter

from estafeta_core import logs, sockets
from estafeta_core.config.document import ConfigError
from estafeta_core.config.live import Live
from estafeta_core.config.schema import Config
from estafeta_core.dialects import DIALECTS
from estafeta_core.ids import IdSource
from estafeta_core.store import open_store
from estafeta_milter.adapter import AnsweringSession, Session
from estafeta_milter.admission import Admission
from estafeta_milter.delivery import Delivery
from estafeta_milter.derived import Deriving
from estafeta_milter.submission import Submission

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)
PR_SET_PDEATHSIG = 1  # linux/prctl.h
RESPAWN_DELAY = 0.2  # seconds: a process that dies at once must not become a busy loop
BACKLOG = 1024  # every smtpd of every listener may connect in the same moment; a full one refuses
DRAIN = 8.0  # seconds; the supervisor kills after 10
LAST_ANSWER = 0.05  # seconds: libmilter writes an answer after the callback has returned it


def run_milter(config_path: Path) -> int:
    """Serve until stopped; return the exit status."""
    logs.setup("milter")
    try:
        live = Live(config_path)
    except ConfigError:  # logged by Live, with file, line and key
        return 1
    try:
        _run(live)
    except (sockets.SocketError, OSError) as error:
        log.critical("%s", error)
        return 1
    return 0


def _run(live: Live) -> None:
    config = live.current.config
    path = sockets.milter(config.run_dir)
    # libmilter knows the socket by a name that is gone once it is shared. Were it to give up in one
    # process (no thread to be had), it would remove the socket that the others serve.
    draft = path.with_name(path.name + ".new")
    sockets.claim(path)
    sockets.claim(draft)
    Milter.factory = _sessions(config)
    libmilter_main = Milter.milter.main
    size = config.milter_processes or os.cpu_count() or 1
    family = _Family(size, lambda: _serve(live, libmilter_main), live.reload)

    def share_socket() -> None:
        sockets.share(draft, config.socket_group)
        draft.rename(path)
        family.run()

    Milter.milter.setbacklog(BACKLOG)
    Milter.milter.main = share_socket  # runmilter calls it when the socket is open: the place to fork
    try:
        Milter.runmilter("estafeta", f"unix:{draft}")
    except Milter.error as error:
        remedy = "is the folder there, and may this user write to it?"
        raise sockets.SocketError(f"{draft}: libmilter cannot bind it ({error}): {remedy}") from None
    path.unlink(missing_ok=True)


def _sessions(config: Config) -> type[Session]:
    """Return what the sessions of these listeners are; pymilter asks once what they want to be told."""
    speaking = (DIALECTS[listener.dialects[0]] for listener in config.listeners.values())
    return AnsweringSession if any(dialect.answers_commands for dialect in speaking) else Session


def _serve(live: Live, libmilter_main: Callable[[], None]) -> None:
    """Run one process's share of the sessions until it is told to stop."""
    config = live.current.config
    # A SimpleQueue, because a handler may interrupt the very thread that waits: an Event's lock would be
    # taken twice.
    stop: queue.SimpleQueue[None] = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.put(None))
    signal.signal(signal.SIGHUP, lambda *_: live.request_reload())
    live.watch()
    store = open_store(config.store, timeout=config.store_timeout)
    deriving = Deriving()
    Session.admission = Admission(live, deriving)
    Session.submission = Submission(store, IdSource(), deriving)
    Session.delivery = Delivery(live)
    libmilter = threading.Thread(target=libmilter_main, name="libmilter", daemon=True)
    libmilter.start()
    while libmilter.is_alive():
        with contextlib.suppress(queue.Empty):
            stop.get(timeout=1.0)
            break
    if _finish():
        store.close()


def _finish() -> bool:
    """Finish the messages in hand and take no further one; return whether all were finished in time."""
    Session.stopping = True
    deadline = time.monotonic() + DRAIN
    while Session.in_hand and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(LAST_ANSWER)
    return not Session.in_hand


class _Family:
    """The parent's side: as many children as asked for, each replaced when it dies."""

    def __init__(self, size: int, child: Callable[[], None], refresh: Callable[[], object]) -> None:
        self._size = size
        self._child = child
        self._refresh = refresh  # brings what a child inherits up to date
        self._children: set[int] = set()
        self._stopping = False

    def run(self) -> None:
        signal.signal(signal.SIGHUP, lambda *_: self._signal(signal.SIGHUP))
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        log.info("serving with %d processes", self._size)
        while self._children or not self._stopping:
            while len(self._children) < self._size and not self._stopping:
                self._fork()
            self._reap()

    def _fork(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # the parent's handlers must not run in the child
        parent = os.getpid()
        pid = os.fork()
        if pid:
            self._children.add(pid)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            return
        status = 1
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the child has just what the files say
            die_with_parent(parent)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            self._child()
            status = 0
        except BaseException:
            log.exception("a milter process failed")
        finally:
            sys.stderr.flush()
            os._exit(status)  # the parent's clean-up is the parent's

    def _reap(self) -> None:
        try:
            pid, status = os.wait()
        except ChildProcessError:
            return
        self._children.discard(pid)
        if not self._stopping:
            log.error("milter process %d ended with status %d, starting another", pid, status)
            time.sleep(RESPAWN_DELAY)
            self._refresh()

    def _stop(self, *_: object) -> None:
        self._stopping = True
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        for pid in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def die_with_parent(parent: int) -> None:
    """Have the kernel end this process when `parent` is killed: an orphan would keep the socket."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:  # it died before it was watched
        os._exit(1)
