"""A receiver of webhooks on loopback, which may be as slow or hostile as a test asks for."""

import contextlib
import functools
import gzip
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Posted:
    """What came in one post; `headers` are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events of the batch, without their groups."""
        return [event for each in json.loads(self.body) for event in each["msys"].values()]

    @property
    def event_ids(self) -> list[str]:
        """The ids of the events of the batch."""
        return [event["event_id"] for event in self.events]


Behaviour = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Receiver:
    """Keeps what was posted, and does what `behave` says."""

    host: str = "127.0.0.1"
    port: int = 0
    scheme: str = "http"
    posts: list[Posted] = field(default_factory=list)
    behave: Behaviour = field(default_factory=lambda: answering(200))

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{self.scheme}://{self.host}:{self.port}/hook"

    def take(self, post: Posted) -> None:
        """Keep what was posted."""
        self.posts.append(post)

    @property
    def batches(self) -> list[Posted]:
        """The posts that were no pings."""
        return [post for post in self.posts if post.events]

    @property
    def event_ids(self) -> list[str]:
        """The ids of all events that came, in the order they came."""
        return [event_id for post in self.batches for event_id in post.event_ids]

    def wait_for(self, true: "Callable[[Receiver], object]", seconds: float = 20.0) -> None:
        """Wait until something is true of what came."""
        deadline = time.monotonic() + seconds
        while not true(self):
            assert time.monotonic() < deadline, f"not in time: {len(self.event_ids)} events came"
            time.sleep(0.02)


def answering(
    status: int, body: bytes = b"", headers: dict[str, str] | None = None, after: float = 0.0
) -> Behaviour:
    """Return the behaviour of one who answers."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(after)
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return behave


def saying(data: bytes) -> Behaviour:
    """Return the behaviour of one who says exactly this."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(data)

    return behave


def silent(handler: BaseHTTPRequestHandler) -> None:
    """Never answer."""
    time.sleep(30)


def dripping(handler: BaseHTTPRequestHandler) -> None:
    """Answer one byte a second."""
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n":
        handler.wfile.write(bytes([byte]))
        time.sleep(1)


def flooding(handler: BaseHTTPRequestHandler) -> None:
    """Answer 200 with 100 MB."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
    for _ in range(1600):
        handler.wfile.write(b"x" * 65_536)


def bombing(handler: BaseHTTPRequestHandler) -> None:
    """Answer with 100 MB packed into 100 KB."""
    answering(200, _bomb(), {"Content-Encoding": "gzip"})(handler)


@functools.cache
def _bomb() -> bytes:
    return gzip.compress(bytes(104_857_600))


@contextlib.contextmanager
def receiving(
    behave: Behaviour | None = None, chain: Path | None = None, receiver: Receiver | None = None
) -> Iterator[Receiver]:
    """Receive until the block ends; with TLS where `chain` names key and certificate."""
    taking = receiver or Receiver()
    if behave is not None:
        taking.behave = behave

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            taking.take(Posted(self.path, headers, body))
            with contextlib.suppress(OSError):  # whoever posts may have had enough
                taking.behave(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None:
            """Say nothing."""

    server = Server((taking.host, 0), Handler)
    if chain is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        taking.scheme = "https"
    taking.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield taking
    server.shutdown()
    server.server_close()
    thread.join()
