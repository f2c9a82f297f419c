"""`GET /w/TOKEN`: the message as its recipient got it, in a browser.

What is kept is one copy of a transmission; each recipient sees it with his own links in it. Its pixel tells
the open, so nothing is recorded here.

The page is HTML that somebody else wrote. The sandbox gives it an origin of its own, without scripts and
forms; images and styles load from anywhere, as they do in a mail program, and links lead out of the sandbox.
"""

import functools
import re
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from estafeta_core.tokens import Kind
from estafeta_web import answers, service
from estafeta_web.service import Away, Service

KINDS = frozenset({Kind.WEB_VERSION})
HEADERS = {
    "Content-Security-Policy": (
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
        "img-src http: https: data:; media-src http: https: data:; font-src http: https: data:; "
        "style-src 'unsafe-inline' http: https:; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Robots-Tag": "noindex, nofollow",
}

# The charsets of mail that browsers know (WHATWG Encoding Standard). A label is text of the sender's, and a
# charset that browsers read in another way than mail programs would be a way around whatever looked at it.
_CHARSET = re.compile(
    r"utf-?8|(?:us-)?ascii|iso[-_]?8859-(?:[1-9]|1[013-6])(?:-[ie])?|latin-?[1-69]|(?:windows-|cp)125[0-8]"
    r"|windows-874|tis-620|koi8-[ru]|macintosh|ibm866|gb2312|gbk|gb18030|big5(?:-hkscs)?|euc-(?:jp|kr)"
    r"|shift[-_]jis|iso-2022-jp|ks_c_5601-1987",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Page:
    content: bytes
    charset: str


async def show(request: Request) -> Response:
    """Show the copy of the token's message."""
    serving = service.of(request)
    token = serving.token(request, KINDS)
    if token is None or token.shared:
        return answers.not_found()
    try:
        async with serving.pages:
            page = await serving.look(functools.partial(_page, serving, token.id))
    except Away:
        return answers.unavailable()
    if page is None:
        return answers.not_found()
    return Response(page.content, headers=HEADERS | {"Content-Type": content_type(page.charset)})


def content_type(charset: str) -> str:
    """Return the media type with this charset, or with none where it is not a known one."""
    return f"text/html; charset={charset.lower()}" if _CHARSET.fullmatch(charset) else "text/html"


def _page(serving: Service, message_id: int) -> _Page | None:
    """Return what is kept of a message; None when that is nothing, or no more."""
    found = serving.store.content_of_message(message_id)
    content = serving.shelf.read(found.digest) if found else None
    if found is None or content is None:
        return None
    return _Page(serving.links.readdressed(content, found.message_id, message_id), found.charset)
