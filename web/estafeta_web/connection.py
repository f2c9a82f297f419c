"""One connection of a client, who may be anybody: bounded where uvicorn is not.

Uvicorn collects the head of a request (and the trailers behind a chunked body) for as long as
they come. A single field of 200 MB kept everybody else waiting for seconds, and 200 MB of short fields
took gigabytes. So what completes nothing, neither a head nor a piece of a body nor a request, is
bounded in bytes, and a request in time. The answer is 400, or the end of the connection where an
answer has begun.

Nor does uvicorn mind a client that asks for a file and never takes it. Such a client is left as well.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

INCOMPLETE_BYTES = 64 * 1024  # a head has 1 or 2 KB, and 7 with the longest token
TAKEN_BYTES = 16 * 1024  # of an answer that a client has to take in TAKEN_SECONDS: GPRS is ten times as fast
TAKEN_SECONDS = 60.0
REQUEST_SECONDS = 15.0  # for a whole request to arrive; a body may take 10 (`unsubscribe`)


class Connection(HttpToolsProtocol):
    """Uvicorn's protocol with bounds."""

    _incomplete = 0
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
        if self._incomplete > INCOMPLETE_BYTES and not self.transport.is_closing():
            self._arrived()
            if self.cycle is None or self.cycle.response_complete:
                self.send_400_response("Request too long.")
            else:
                self.transport.close()

    def on_message_begin(self) -> None:
        """Give the client its time again: this is another request."""
        super().on_message_begin()
        self._expect()

    def on_headers_complete(self) -> None:
        """Begin to count anew."""
        super().on_headers_complete()
        self._incomplete = 0

    def on_body(self, body: bytes) -> None:
        """Begin to count anew; whoever reads the body bounds it."""
        super().on_body(body)
        self._incomplete = 0

    def on_message_complete(self) -> None:
        """Stop waiting: the request is there."""
        super().on_message_complete()
        self._incomplete = 0
        self._arrived()

    def pause_writing(self) -> None:
        """Give the client its time to take what is written."""
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        """Stop waiting: the client takes what it asked for."""
        super().resume_writing()
        self._taken()

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
