"""The milter's processes, signals and reload.

libmilter runs a callback per message under Python's lock, so threads do not scale
and processes do: the parent opens the socket and forks one process a core, which
all accept from it. A process that dies is replaced. libmilter runs outside each
process's main thread, because Python answers signals only in that one. Copies have a
socket and processes of their own (handover.py), so a message to thousands does not
keep the clients waiting who submit the next one.

SIGTERM and SIGINT stop: messages in hand are finished, new ones answered 421, and the
process ends as soon as none is in hand, or after `DRAIN` seconds. SIGHUP reloads. The
configuration is also re-read when its files change.

libmilter's own way to stop is not used: it drops messages whose next command has not come yet,
may wait for ever in accept(2) where several processes share a socket, and removes the socket.
"""

import contextlib
import ctypes
import functools
import logging
import os
import queue
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import Milter

from estafeta_core import logs, metrics, notify, sockets
from estafeta_core.config.document import AccountsAwayError, ConfigError
from estafeta_core.config.live import RETRY_EVERY, Live
from estafeta_core.config.schema import Config
from estafeta_core.dialects import DIALECTS
from estafeta_core.ids import IdSource
from estafeta_core.standings import Standings
from estafeta_core.store import open_store
from estafeta_milter.adapter import AnsweringSession, Session
from estafeta_milter.admission import Admission
from estafeta_milter.allowance import Allowance
from estafeta_milter.beats import EVERY, Beats
from estafeta_milter.delivery import Delivery
from estafeta_milter.derived import Deriving
from estafeta_milter.handover import HandoverLoop
from estafeta_milter.submission import Submission

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)
PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15  # linux/prctl.h
COPIES_NAME = b"estafeta-copies"  # what top(1) shows; 15 bytes is the most
RESPAWN_DELAY = 0.2  # seconds: a process that dies at once must not become a busy loop
# Processes for sessions to one for copies. Postfix takes three times as long for a copy as the milter, so one
# keeps four cores busy; two that share the work take a quarter more time for each copy.
SESSIONS_TO_COPIES = 4
BACKLOG = 1024  # every smtpd of every listener may connect in the same moment; a full one refuses
DRAIN = 8.0  # seconds; the supervisor kills after 10
LAST_ANSWER = 0.05  # seconds: libmilter writes an answer after the callback has returned it


def run_milter(config_path: Path) -> int:
    """Serve until stopped; return the exit status."""
    logs.setup("milter", form=logs.form(config_path))
    try:
        live = Live(config_path, patient=True)
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
    sockets.claim(sockets.copies(config.run_dir))
    Milter.factory = _sessions(config)
    libmilter_main = Milter.milter.main
    size = config.milter_processes or os.cpu_count() or 1
    copying = max(1, size // SESSIONS_TO_COPIES)
    sessions = functools.partial(_serve, live, libmilter_main)

    def share_socket() -> None:
        copies = functools.partial(_serve_copies, live, _listen(config))
        sockets.share(draft, config.socket_group)
        draft.rename(path)
        log.info("serving with %d processes, and %d for copies", size, copying)
        beats = Beats(size + copying)
        served = enumerate([*[sessions] * size, *[copies] * copying])
        tasks = [functools.partial(task, functools.partial(beats.beat, place)) for place, task in served]
        beats.watch()
        notify.ready()
        _Family(tasks, lambda: not isinstance(live.reload(), AccountsAwayError)).run()

    Milter.milter.setbacklog(BACKLOG)
    Milter.milter.main = share_socket  # runmilter calls it when the socket is open: the place to fork
    try:
        Milter.runmilter("estafeta", f"unix:{draft}")
    except Milter.error as error:
        remedy = "is the folder there, and may this user write to it?"
        raise sockets.SocketError(f"{draft}: libmilter cannot bind it ({error}): {remedy}") from None
    path.unlink(missing_ok=True)
    sockets.copies(config.run_dir).unlink(missing_ok=True)


def _listen(config: Config) -> socket.socket:
    """Return the socket for copies, which all processes accept from."""
    path = sockets.copies(config.run_dir)
    listener = socket.socket(socket.AF_UNIX)
    listener.setblocking(False)
    listener.bind(str(path))
    sockets.share(path, config.socket_group)
    listener.listen(BACKLOG)
    return listener


def _sessions(config: Config) -> type[Session]:
    """Return what the sessions of these listeners are; pymilter asks once what they want to be told."""
    speaking = (DIALECTS[listener.dialects[0]] for listener in config.listeners.values())
    return AnsweringSession if any(dialect.answers_commands for dialect in speaking) else Session


def _serve(live: Live, libmilter_main: Callable[[], None], beat: Callable[[], None]) -> None:
    """Run one process's share of the sessions until it is told to stop."""
    config = live.current.config
    metrics.open(config.run_dir, "milter")
    # A SimpleQueue, because a handler may interrupt the very thread that waits: an Event's lock would be
    # taken twice.
    stop: queue.SimpleQueue[None] = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.put(None))
    signal.signal(signal.SIGHUP, lambda *_: live.request_reload())
    live.watch()
    store = open_store(config.store, timeout=config.store_timeout)
    Standings(live).start()
    deriving = Deriving()
    Session.admission = Admission(live, deriving)
    Session.submission = Submission(store, IdSource(), deriving, Allowance(sockets.policy(config.run_dir)))
    libmilter = threading.Thread(target=libmilter_main, name="libmilter", daemon=True)
    libmilter.start()
    while libmilter.is_alive():
        beat()
        with contextlib.suppress(queue.Empty):
            stop.get(timeout=EVERY)
            break
    if _finish():
        store.close()


def _serve_copies(live: Live, listener: socket.socket, beat: Callable[[], None]) -> None:
    """Make copies until told to stop."""
    ctypes.CDLL(None).prctl(PR_SET_NAME, COPIES_NAME)
    metrics.open(live.current.config.run_dir, "copies")
    loop = HandoverLoop(listener, Delivery(live), drain=DRAIN, beat=beat)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.stop())
    signal.signal(signal.SIGHUP, lambda *_: live.request_reload())
    live.watch()
    Standings(live).start()  # for the keys that DNS verifies
    loop.run()


def _finish() -> bool:
    """Finish the messages in hand and take no further one; return whether all were finished in time."""
    Session.stopping = True
    deadline = time.monotonic() + DRAIN
    while Session.in_hand and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(LAST_ANSWER)
    return not Session.in_hand


class _Family:
    """The parent's side: a child for each of its tasks, replaced when it dies."""

    def __init__(self, tasks: Sequence[Callable[[], None]], refresh: Callable[[], bool]) -> None:
        self._tasks = list(tasks)  # that nobody does now
        self._refresh = refresh  # brings what a child inherits up to date; False: that is to be tried again
        self._children: dict[int, Callable[[], None]] = {}
        self._stopping = False

    def run(self) -> None:
        signal.signal(signal.SIGHUP, lambda *_: self._signal(signal.SIGHUP))
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        while self._children or not self._stopping:
            while self._tasks and not self._stopping:
                self._fork(self._tasks.pop())
            self._reap()

    def _fork(self, task: Callable[[], None]) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # the parent's handlers must not run in the child
        parent = os.getpid()
        pid = os.fork()
        if pid:
            self._children[pid] = task
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            return
        status = 1
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the child has just what the files say
            die_with_parent(parent)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            task()
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
        self._tasks.append(self._children.pop(pid))
        if not self._stopping:
            log.error("milter process %d ended with status %d, starting another", pid, status)
            time.sleep(RESPAWN_DELAY)
            while not self._refresh() and not self._stopping:
                time.sleep(RETRY_EVERY)

    def _stop(self, *_: object) -> None:
        self._stopping = True
        notify.stopping()
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        for pid in list(self._children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def die_with_parent(parent: int) -> None:
    """Have the kernel end this process when `parent` is killed: an orphan would keep the socket."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:  # it died before it was watched
        os._exit(1)
