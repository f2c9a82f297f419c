"""The loop that takes messages from the listener of the copies and answers each with the edits of its copy.

There is nothing to wait for between the end of a message and its answer, neither store nor network, so one
thread serves all connections of its process, and all processes for copies accept from one socket.

That a message comes by this socket tells what it is to become: the listener of the copies alone is led here.
"""

import contextlib
import logging
import selectors
import socket
import struct
import time
from collections.abc import Callable
from typing import Protocol

from estafeta_core import metrics
from estafeta_core.headers import Header
from estafeta_core.refusal import Refusal
from estafeta_milter import edits, wire
from estafeta_milter.beats import EVERY

log = logging.getLogger(__name__)

FAULT = Refusal(451, "4.3.0", "Internal error, try again later")
READ = 1 << 18  # bytes at a time, into one place: a new one each time costs more than the reading
PAUSE = 0.1  # seconds between two looks at the clock while it stops
SEND_TIMEOUT = 20  # seconds for what cleanup(8) reads while it is sent; it waits 45 for an answer


class Maker(Protocol):
    """Who makes the copies; see delivery.py."""

    def end(
        self,
        queue_id: str,
        sender: str,
        recipients: tuple[str, ...],
        headers: tuple[Header, ...],
        body: bytes,
    ) -> list[edits.Edit] | Refusal:
        """Return how to make the queued message its one recipient's copy."""


class HandoverLoop:
    """Serves the connections that one process takes from a listening socket."""

    def __init__(
        self, listener: socket.socket, maker: Maker, drain: float, beat: Callable[[], None] = lambda: None
    ) -> None:
        self._listener = listener
        self._beat = beat  # shows that this process works
        self._drain = drain  # seconds for what is in hand when it is told to stop
        self._deadline: float | None = None
        self._maker = maker
        self._selector = selectors.DefaultSelector()
        self._told, self._wake = socket.socketpair()
        self._conversations: dict[socket.socket, wire.Conversation] = {}
        self._input = memoryview(bytearray(READ))

    def stop(self) -> None:
        """Take no further message; `run` ends when none is in hand. Threads and signals may ask for it."""
        with contextlib.suppress(OSError):  # it has ended already
            self._wake.send(b"\0")

    def run(self) -> None:
        """Serve until told to stop."""
        with self._selector, self._told, self._wake:
            self._selector.register(self._listener, selectors.EVENT_READ)
            self._selector.register(self._told, selectors.EVENT_READ)
            while not self._done():
                self._beat()
                ready = [key for key, _ in self._selector.select(EVERY if self._deadline is None else PAUSE)]
                # Who has spoken is heard before it leaves: leaving closes connections.
                for key in sorted(ready, key=lambda each: each.fileobj is self._told):
                    self._ready(key.fileobj)
            for connection in list(self._conversations):  # that were not done in time
                self._close(connection)

    def _ready(self, ready: object) -> None:
        if ready is self._listener:
            self._accept()
        elif ready is self._told:
            self._leave()
        elif isinstance(ready, socket.socket):
            self._serve(ready)

    def _done(self) -> bool:
        if self._deadline is None:
            return False
        return not self._conversations or time.monotonic() > self._deadline

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:  # another process was faster, or the peer has left
            return
        connection.setblocking(True)  # it is read when there is something to read
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", SEND_TIMEOUT, 0))
        self._conversations[connection] = wire.Conversation()
        self._selector.register(connection, selectors.EVENT_READ)

    def _leave(self) -> None:
        self._selector.unregister(self._listener)
        self._selector.unregister(self._told)
        self._deadline = time.monotonic() + self._drain
        for connection in [each for each, talk in self._conversations.items() if not talk.in_hand]:
            self._close(connection)

    def _serve(self, connection: socket.socket) -> None:
        talk = self._conversations[connection]
        try:
            count = connection.recv_into(self._input)
            for found in talk.feed(self._input[:count]):
                connection.sendall(found if isinstance(found, bytes) else self._answer(found))
        except wire.ProtocolError as error:
            log.error("the listener of the copies: %s", error)
            self._close(connection)
            return
        except OSError as error:
            log.warning("the listener of the copies: Postfix has left: %s", error)
            self._close(connection)
            return
        if not count or talk.closed or (self._deadline is not None and not talk.in_hand):
            self._close(connection)

    def _answer(self, message: wire.Handover) -> bytes:
        begun = time.perf_counter()
        try:
            made = self._made(message)
            answer = wire.answer(made)
        except Exception:  # a bug here may delay one message; it never lets one through unchanged
            fields = {"queue_id": message.queue_id}
            log.exception("%s: failed at the end of the message, deferred", message.queue_id, extra=fields)
            made, answer = FAULT, wire.answer(FAULT)
        metrics.COPIES["deferred" if isinstance(made, Refusal) else "made"].add()
        metrics.COPY_SECONDS.observe(time.perf_counter() - begun)
        return answer

    def _made(self, message: wire.Handover) -> list[edits.Edit] | Refusal:
        if len(message.headers) > wire.FIELDS:
            return FAULT
        recipients, headers, body = tuple(message.recipients), tuple(message.headers), b"".join(message.body)
        return self._maker.end(message.queue_id, message.sender, recipients, headers, body)

    def _close(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        del self._conversations[connection]
        connection.close()
