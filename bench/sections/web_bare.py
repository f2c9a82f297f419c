"""The reference of `python -m bench --only web`: uvicorn, and an application that sends the same bytes.

python -m bench.sections.web_bare TARGET     prints its port, and serves until it is killed
"""

import socket
import sys
from typing import Any

import uvicorn

from estafeta_web.answers import HEADERS, PIXEL, UNCACHED

_UNCACHED = (UNCACHED[0].lower().encode(), UNCACHED[1].encode())


def application(target: bytes) -> Any:
    """Return an ASGI application: a redirect to `target` below /c/, the pixel everywhere else."""
    redirect = (
        {
            "type": "http.response.start",
            "status": 302,
            "headers": [(b"content-length", b"0"), (b"location", target), _UNCACHED],
        },
        {"type": "http.response.body", "body": b""},
    )
    length, kind = (b"content-length", b"%d" % len(PIXEL)), (b"content-type", b"image/gif")
    pixel = (
        {"type": "http.response.start", "status": 200, "headers": [length, kind, _UNCACHED]},
        {"type": "http.response.body", "body": PIXEL},
    )

    async def serve(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001 - ASGI's signature
        start, body = redirect if scope["path"].startswith("/c/") else pixel
        await send(start)
        await send(body)

    return serve


def main() -> None:
    """Serve on a free port of loopback."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(
        application(sys.argv[1].encode()),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        headers=HEADERS,
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
