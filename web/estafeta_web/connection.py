"""One connection of a client, who may be anybody: bounded where uvicorn is not.

Uvicorn collects the head of a request (and the trailers behind a chunked body) for as long as
they come. A single field of 200 MB kept everybody else waiting for seconds, and 200 MB of short fields
took gigabytes. So what completes nothing, neither a head nor a piece of a body nor a request, is
bounded in bytes, and a request in time. The answer is 400, or the end of the connection where an
answer has begun.

Nor does uvicorn mind a client that asks for a file and never takes it. Such a client is left as well.

A plain request for a pixel or a redirect is answered here, the short way (`short_way`), unless another one is
in hand, the client wants something more of the protocol, or does not take what it was sent.
"""

import asyncio
import functools
import logging
import time
from typing import TYPE_CHECKING, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from estafeta_web import short_way

if TYPE_CHECKING:
    from estafeta_web.app import App

INCOMPLETE_BYTES = 64 * 1024  # a head has 1 or 2 KB, and 7 with the longest token
TAKEN_BYTES = 16 * 1024  # of an answer that a client has to take in TAKEN_SECONDS: GPRS is ten times as fast
TAKEN_SECONDS = 60.0
REQUEST_SECONDS = 15.0  # for a whole request to arrive; a body may take 10 (`unsubscribe`)

_METHODS = (b"GET", b"HEAD")

log = logging.getLogger(__name__)


class _Nobody:
    """Stands where a task would wait for news of its request."""

    def set(self) -> None:
        """Tell nobody."""


class _Asked:
    """A request that goes the short way: in the place of uvicorn's cycle, as far as uvicorn looks at one."""

    __slots__ = ("answer", "body", "disconnected", "keep_alive", "more_body", "response_complete", "started")

    message_event = _Nobody()

    def __init__(self, answer: short_way.Answer, *, keep_alive: bool) -> None:
        self.answer = answer
        self.keep_alive = keep_alive  # uvicorn takes it away when the process is told to stop
        self.started = time.perf_counter()
        self.response_complete = False
        self.disconnected = False
        self.body = b""  # of a request that has one, though it means nothing
        self.more_body = True


class Connection(HttpToolsProtocol):
    """Uvicorn's protocol with bounds, and the short way."""

    _incomplete = 0
    _arriving = True
    _deadline: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the client its time to ask."""
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the time limits."""
        self._arrived()
        self._taken()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse `data`, and count it while it completes nothing."""
        self._incomplete += len(data)
        super().data_received(data)
        if self._arriving and self._deadline is None and not self.transport.is_closing():
            self._expect()
        if self._incomplete > INCOMPLETE_BYTES and not self.transport.is_closing():
            self._arrived()
            if self.cycle is None or self.cycle.response_complete:
                self.send_400_response("Request too long.")
            else:
                self.transport.close()

    def on_message_begin(self) -> None:
        """Note that there is another request, which gets its time unless all of it is there already."""
        super().on_message_begin()
        self._arriving = True

    def on_headers_complete(self) -> None:
        """Begin to count anew, and have the request answered."""
        self._incomplete = 0
        if not self._goes_short():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Begin to count anew; whoever reads the body bounds it."""
        super().on_body(body)
        self._incomplete = 0

    def on_message_complete(self) -> None:
        """Stop waiting: the request is there."""
        super().on_message_complete()
        self._incomplete = 0
        self._arriving = False
        self._arrived()

    def pause_writing(self) -> None:
        """Give the client its time to take what is written."""
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        """Stop waiting: the client takes what it asked for."""
        super().resume_writing()
        self._taken()

    def _goes_short(self) -> bool:
        """Have the request answered the short way, where it may go there."""
        earlier: RequestResponseCycle | None = self.cycle
        if self.url[: short_way.LENGTH] not in short_way.PATHS or (earlier and not earlier.response_complete):
            return False
        if self.flow.write_paused or self.expect_100_continue or self.parser.should_upgrade():
            return False
        method = self.parser.get_method()
        if method not in _METHODS:
            return False
        short, host = cast("App", self.app).short_way, self.client[0] if self.client else ""
        try:
            answer = short.answer(self.url, self.headers, host, head=method == b"HEAD")
        except Exception:  # a bug costs nobody his answer: it goes the long way
            log.exception("the short way failed")
            return False
        if answer is None:
            return False
        keep_alive = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        asked = _Asked(answer, keep_alive=keep_alive)
        self.cycle = cast("RequestResponseCycle", asked)
        short.recorder.add(answer.line, answer.event_type, functools.partial(self._send, short, asked))
        return True

    def _send(self, short: short_way.ShortWay, asked: _Asked, durable: bool) -> None:  # noqa: ARG002
        """Answer, whether or not the event is durable: a recipient gets where he wants in any case."""
        asked.response_complete = True
        asked.answer.place.seconds.observe(time.perf_counter() - asked.started)
        asked.answer.place.requests.inc()
        if asked.disconnected or self.transport.is_closing():
            return
        common = self.server_state.default_headers
        self.transport.write(short.wire(asked.answer, common, keep_alive=asked.keep_alive))
        if not asked.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _watch(self) -> None:
        left = self.transport.get_write_buffer_size()
        self._taking = self.loop.call_later(TAKEN_SECONDS, self._look, left)

    def _look(self, before: int) -> None:
        """Go on waiting for a client that has taken something since; leave another."""
        if before - self.transport.get_write_buffer_size() < TAKEN_BYTES:
            self._taking = None
            self.transport.abort()
        else:
            self._watch()

    def _taken(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _expect(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_SECONDS, self._late)

    def _arrived(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        self._deadline = None
        self.transport.close()
