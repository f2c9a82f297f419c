"""`/contents`: the HTML that was sent, listed and shown.

    /contents           the list
    /contents/ID        one, in a frame
    /contents/ID/html   what the frame shows

The frame shows HTML that somebody else wrote, from our own host, to somebody who is signed in. So it is in a
sandbox twice: of the frame, and of its own answer, for whoever opens that by itself. There it has an origin
of its own and no cookies, no script runs and no form is sent.

What is kept is one recipient's copy, with his links. To look at it must not count as if he had: the pixel and
the link that unsubscribes lead nowhere here, and links that count clicks lead to their targets.
"""

import html
import re
from dataclasses import dataclass

from starlette.responses import Response

from estafeta_core.links import Links
from estafeta_core.store import Store
from estafeta_core.store.rows import Content, Transmission
from estafeta_core.tokens import Kind
from estafeta_web import answers, web_version
from estafeta_web.pages import sends
from estafeta_web.pages.gate import Missing, Visit
from estafeta_web.pages.sends import ROWS
from estafeta_web.service import Service

NOWHERE = b"about:blank"
HEADERS = {
    "Content-Security-Policy": (
        "sandbox; default-src 'none'; img-src http: https: data:; media-src http: https: data:; "
        "font-src http: https: data:; style-src 'unsafe-inline' http: https:; form-action 'none'; "
        "frame-ancestors 'self'"
    ),
    "X-Robots-Tag": "noindex, nofollow",
}
# By its token alone, as the base_url may have been another one then; the bound keeps a page of nothing but
# the beginnings of links from taking long.
_LINK = re.compile(rb"https?://[^\s\"'<>]{1,200}?/[couw]/([A-Za-z0-9_-]+)(?:\.gif)?", re.IGNORECASE)
_CLICKS = frozenset({Kind.CLICK, Kind.AMP_CLICK})


@dataclass(frozen=True, slots=True)
class Listed:
    """A content with the send it belongs to, None where that is no longer in the store."""

    content: Content
    transmission: Transmission | None


async def list_(visit: Visit) -> Response:
    """List contents, newest first."""
    before = visit.before()
    found = await visit.look(lambda store: _listed(store, visit.account, before))
    return visit.page(
        "contents.html", contents=found[:ROWS], more=len(found) > ROWS, begin=bool(visit.asked("before"))
    )


async def show(visit: Visit) -> Response:
    """Show a content in its frame."""
    id_text = visit.request.path_params["id"]
    transmission, content = await visit.look(lambda store: _find(store, visit.account, id_text))
    return visit.page("content.html", transmission=transmission, content=content)


async def source(visit: Visit) -> Response:
    """Return the HTML itself, in a sandbox."""
    id_text = visit.request.path_params["id"]
    markup, charset = await visit.look(lambda store: _read(store, visit.serving, visit.account, id_text))
    return Response(markup, headers=HEADERS | {"Content-Type": web_version.content_type(charset)})


def harmless(content: bytes, links: Links) -> bytes:
    """Return HTML of which no link tells us anything."""
    return _LINK.sub(lambda match: _replacement(match, links), content)


def _replacement(match: re.Match[bytes], links: Links) -> bytes:
    token = links.read(match[1].decode())
    if token is None:
        return match[0]  # none of ours
    if token.kind not in _CLICKS:
        return NOWHERE
    return html.escape(answers.header_safe(token.target).decode()).encode()


def _listed(store: Store, account: str, before: int) -> list[Listed]:
    return [
        Listed(content, store.transmission(content.transmission_id))
        for content in store.contents(account, before=before, limit=ROWS + 1)
    ]


def _find(store: Store, account: str, id_text: str) -> tuple[Transmission, Content]:
    transmission = sends.own(store, account, id_text)
    content = store.content(transmission.transmission_id)
    if content is None:
        raise Missing
    return transmission, content


def _read(store: Store, serving: Service, account: str, id_text: str) -> tuple[bytes, str]:
    """Return the HTML and its charset; its links are read here, off the loop that serves pixels."""
    _, content = _find(store, account, id_text)
    kept = serving.shelf.read(content.digest)
    if kept is None:
        raise Missing
    return harmless(kept, serving.links), content.charset
