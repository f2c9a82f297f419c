"""A receiver of webhooks on loopback, as an application has one.

It takes every batch. The first post asks whether it is there, before anybody knows the secret; so signatures
are looked at when the events are read.
"""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook


@dataclass(slots=True)
class Receiver:
    """What was posted: header fields, and the body as it came."""

    url: str
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def events(self, secret: str) -> list[dict[str, Any]]:
        """Return the events so far; WebhookVerificationError where a post is not signed with the secret."""
        signed = Webhook(secret)
        batches = [signed.verify(body, headers) for headers, body in list(self.posts)]
        return [event for batch in batches for each in batch for event in each["msys"].values()]


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    """Yield a receiver that listens on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.posts.append((dict(self.headers.items()), body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing: the report does."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
