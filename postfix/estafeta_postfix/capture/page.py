"""What was captured, in a browser: a list of the newest messages, and each as it came.

    /               the newest LISTED messages
    /m/NAME         one: its envelope, its fields, its text, its HTML in a frame where nothing runs
    /m/NAME/html    that HTML
    /m/NAME/raw     the file of the outbox

It is for trying and for developing: whoever reaches the port reads all mail, so it listens on loopback (in a
box, on what its host forwards), and answers to no other name (a strange page whose name leads here would read
it too). Messages are strangers' text, so a page runs no script and loads nothing, and a message's HTML has an
origin of its own.
"""

import email
import email.message
import email.policy
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import jinja2
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from estafeta_core.headers import unfold
from estafeta_core.rfc2047 import decode
from estafeta_postfix import ports

LISTED = 200
HOSTS = (ports.LOOPBACK, "localhost")
SHOWN_BYTES = 5 * 1024 * 1024  # of a message that is taken apart for the page; `raw` has it whole
_TEMPLATE = "page.html"
_CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'; base-uri 'none'"
# The HTML of a message may load its images, as a mail program does: pixels are what one wants to try.
_FRAME_CSP = "sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'; img-src * data:"


@dataclass(frozen=True, slots=True)
class Captured:
    """A file of the outbox, as far as a page shows it."""

    name: str
    return_path: str
    delivered_to: str
    fields: tuple[tuple[str, str], ...]
    size: int
    text: str
    html: str

    def field(self, name: str) -> str:
        """Return the first field of this name; "" where there is none."""
        return next((value for each, value in self.fields if each.lower() == name), "")


class Outbox:
    """The messages of one Maildir."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "new"

    def names(self) -> list[str]:
        """Return the names of the newest messages, the newest first."""
        return sorted((path.name for path in self._folder.iterdir()), reverse=True)[:LISTED]

    def raw(self, name: str) -> bytes | None:
        """Return a whole file; None where there is none of this name."""
        if name not in {path.name for path in self._folder.iterdir()}:
            return None
        return (self._folder / name).read_bytes()

    def read(self, name: str) -> Captured | None:
        """Return a message taken apart."""
        raw = self.raw(name)
        if raw is None:
            return None
        sender, recipient, content = raw.split(b"\r\n", 2)
        head, _, _ = content.partition(b"\r\n\r\n")
        text, html = _bodies(content[:SHOWN_BYTES])
        return Captured(
            name,
            _plain(sender.partition(b": ")[2]).strip("<>"),
            _plain(recipient.partition(b": ")[2]),
            tuple(_fields(head)),
            len(content),
            text,
            html,
        )


def _fields(head: bytes) -> list[tuple[str, str]]:
    found: list[tuple[str, bytes]] = []
    for line in head.split(b"\r\n"):
        if line[:1] in b" \t" and found:
            found[-1] = (found[-1][0], found[-1][1] + b"\n" + line)
        else:
            name, _, value = line.partition(b":")
            found.append((_plain(name), value))
    return [(name, decode(_plain(unfold(value)).strip())) for name, value in found]


def _bodies(content: bytes) -> tuple[str, str]:
    """Return the first text and the first HTML of a message; "" for what it has not."""
    try:
        message = email.message_from_bytes(content, policy=email.policy.compat32)
        parts = [part for part in message.walk() if part.get_content_disposition() != "attachment"]
    except (RecursionError, ValueError):  # nested without end: `raw` shows it
        return "", ""
    return _first(parts, "text/plain"), _first(parts, "text/html")


def _first(parts: list[email.message.Message], kind: str) -> str:
    for part in parts:
        if part.get_content_type() == kind:
            payload = part.get_payload(decode=True)
            charset = part.get_content_charset() or "utf-8"
            return _decoded(payload if isinstance(payload, bytes) else b"", charset)
    return ""


def _decoded(payload: bytes, charset: str) -> str:
    try:
        return payload.decode(charset, "replace")
    except (LookupError, UnicodeError, ValueError):
        return payload.decode("utf-8", "replace")


def _plain(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def make_app(folder: Path) -> Starlette:
    """Return the application that shows the Maildir at `folder`."""
    outbox = Outbox(folder)
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        (resources.files("estafeta_postfix.capture") / "templates" / _TEMPLATE).read_text(encoding="utf-8")
    )

    def page(message: Captured | None, messages: list[Captured]) -> Response:
        html = template.render(message=message, messages=messages)
        return Response(html, headers={"Content-Security-Policy": _CSP}, media_type="text/html")

    def index(_request: Request) -> Response:
        return page(None, [found for name in outbox.names() if (found := outbox.read(name)) is not None])

    def one(request: Request) -> Response:
        message = outbox.read(request.path_params["name"])
        return _missing() if message is None else page(message, [])

    def html(request: Request) -> Response:
        message = outbox.read(request.path_params["name"])
        if message is None:
            return _missing()
        headers = {"Content-Security-Policy": _FRAME_CSP, "Referrer-Policy": "no-referrer"}
        return Response(message.html, headers=headers, media_type="text/html; charset=utf-8")

    def raw(request: Request) -> Response:
        found = outbox.raw(request.path_params["name"])
        return _missing() if found is None else Response(found, media_type="text/plain; charset=utf-8")

    routes = [
        Route("/", index),
        Route("/m/{name}", one),
        Route("/m/{name}/html", html),
        Route("/m/{name}/raw", raw),
    ]
    return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)])


def _missing() -> Response:
    return PlainTextResponse("Not found\n", 404)


def command(folder: Path, port: int, host: str = ports.LOOPBACK) -> list[str]:
    """Return the command that shows the Maildir at `folder` until it is stopped."""
    return [sys.executable, "-m", __name__, str(folder), host, str(port)]


def main(arguments: Sequence[str]) -> None:
    """Run what `command` says."""
    folder, host, port = arguments
    uvicorn.run(make_app(Path(folder)), host=host, port=int(port), log_level="warning")


if __name__ == "__main__":
    main(sys.argv[1:])
