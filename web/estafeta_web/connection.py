"""One connection of a client, who may be anybody: bounded where uvicorn is not.

Uvicorn collects the head of a request (and the trailers behind a chunked body) for as long as
they come. A single field of 200 MB kept everybody else waiting for seconds, and 200 MB of short fields
took gigabytes. So what completes nothing, neither a head nor a piece of a body nor a request, is
bounded in bytes, and a request in time. The answer is 400, or the end of the connection where an
answer has begun.

Requests that come before others are answered wait in uvicorn's pipeline, and it reads on with each answer. So
they are bounded in number, and more is read when none waits.

Nor does uvicorn mind a client that asks for a file and never takes it. Such a client is left as well.

A plain request for a pixel or a redirect is answered here, the short way (`short_way`), before uvicorn's
parser sees it: where that one has nothing of a request, no other request is in hand, and the client takes
what it was sent. What comes meanwhile is held until the answer is out.
"""

import asyncio
import logging
import time
from typing import TYPE_CHECKING, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from estafeta_web import short_way

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

    from estafeta_web.app import App

PIPELINED = 100  # requests that wait for the answers before theirs; no browser sends any, nor does nginx
INCOMPLETE_BYTES = 64 * 1024  # a head has 1 or 2 KB, and 7 with the longest token
TAKEN_BYTES = 16 * 1024  # of an answer that a client has to take in TAKEN_SECONDS: GPRS is ten times as fast
TAKEN_SECONDS = 60.0
REQUEST_SECONDS = 15.0  # for a whole request to arrive; a body may take 10 (`unsubscribe`)

log = logging.getLogger(__name__)


class Connection(HttpToolsProtocol):
    """Uvicorn's protocol with bounds, and the short way."""

    _incomplete = 0
    _arriving = True
    _deadline: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None
    _running: RequestResponseCycle | None = None

    _parsing = False  # the parser has something of a request, or will not read another
    _keep_alive = True  # after the answer that goes the short way just now
    _answer: short_way.Answer | None = None
    _held = b""  # what came behind that request
    _began = 0.0
    _answered = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the client its time to ask."""
        super().connection_made(transport)
        self._host = self.client[0] if self.client else ""
        self._short = cast("App", self.app).short_way
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the time limits, and write no more."""
        self._arrived()
        self._taken()
        if self._running is not None:  # uvicorn tells the request that came last, and this one would write
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        """Note whose answer is being made."""
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def data_received(self, data: bytes) -> None:
        """Have a plain request answered the short way, and anything else the long one."""
        if self._answer is not None:
            self._held += data
            self.flow.pause_reading()
        elif not self._goes_short(data):
            self._goes_long(data)

    def on_message_begin(self) -> None:
        """Note that there is another request, which gets its time unless all of it is there already."""
        super().on_message_begin()
        self._parsing = self._arriving = True

    def on_headers_complete(self) -> None:
        """Begin to count anew, and have the request answered; ValueError, which ends in 400, for too many."""
        self._incomplete = 0
        super().on_headers_complete()
        if len(self.pipeline) > PIPELINED:
            raise ValueError("too many requests wait")

    def on_response_complete(self) -> None:
        """Have the next request answered, and read on unless more of them wait."""
        super().on_response_complete()
        if self.pipeline and not self.transport.is_closing():
            self.flow.pause_reading()

    def on_body(self, body: bytes) -> None:
        """Begin to count anew; whoever reads the body bounds it."""
        super().on_body(body)
        self._incomplete = 0

    def on_message_complete(self) -> None:
        """Stop waiting: the request is there."""
        super().on_message_complete()
        self._incomplete = 0
        self._arriving = False
        self._parsing = self.parser.should_upgrade() or not self.parser.should_keep_alive()
        self._arrived()

    def pause_writing(self) -> None:
        """Give the client its time to take what is written."""
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        """Stop waiting: the client takes what it asked for."""
        super().resume_writing()
        self._taken()

    def shutdown(self) -> None:
        """Stop when the request in hand is answered."""
        if self._answer is None:
            super().shutdown()
        else:
            self._keep_alive = False

    def timeout_keep_alive_handler(self) -> None:
        """End a connection without requests; it was not told of each that went the short way."""
        left = self._answered + self.timeout_keep_alive - self.loop.time()
        if self._answer is None and left <= 0:
            super().timeout_keep_alive_handler()
        elif not self.transport.is_closing():
            self._keep(left if left > 0 else self.timeout_keep_alive)

    def _keep(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _free(self) -> bool:
        """Return whether no request is in hand, and the client takes what it is sent."""
        return (self.cycle is None or self.cycle.response_complete) and not self.flow.write_paused

    def _goes_long(self, data: bytes) -> None:
        """Parse `data`, and count it while it completes nothing."""
        self._incomplete += len(data)
        if not self._parsing and self._free():
            self._parsing = self._arriving = True
        super().data_received(data)
        if self._arriving and self._deadline is None and not self.transport.is_closing():
            self._expect()
        if self._incomplete > INCOMPLETE_BYTES and not self.transport.is_closing():
            self._arrived()
            if self.cycle is None or self.cycle.response_complete:
                self.send_400_response("Request too long.")
            else:
                self.transport.close()

    def _goes_short(self, data: bytes) -> bool:
        """Have the request that `data` begins with answered the short way, where it may go there."""
        if self._parsing or not self._free():
            return False
        request = short_way.plain(data)
        if request is None:
            return False
        try:
            answer = self._short.answer(request, self._host)
        except Exception:  # a bug costs nobody his answer: it goes the long way
            log.exception("the short way failed")
            return False
        if answer is None:
            return False
        self._arrived()
        self._began = time.perf_counter()
        self._answer, self._keep_alive, self._held = answer, request.keep_alive, request.rest
        self._short.recorder.add(answer.line, answer.event_type, self._send)
        return True

    def _send(self, durable: bool) -> None:  # noqa: ARG002
        """Answer, whether or not the event is durable: a recipient gets where he wants in any case."""
        answer, self._answer = self._answer, None
        assert answer is not None  # noqa: S101 - one is sent for each that was taken
        answer.place.seconds.observe(time.perf_counter() - self._began)
        answer.place.requests.inc()
        if self.transport.is_closing():
            return
        common = self.server_state.default_headers
        self.transport.write(self._short.wire(answer, common, keep_alive=self._keep_alive))
        if not self._keep_alive:
            self.transport.close()
            return
        self._answered = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._keep(self.timeout_keep_alive)
        held, self._held = self._held, b""
        if held and self._goes_short(held):
            return  # more is read when all that is here is answered
        self.flow.resume_reading()
        if held:
            self._goes_long(held)

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
