"""`GET /i/TOKEN`: an image that a message shows, and nothing that is not an image.

What it is follows from its bytes, never from what its sender called it. Mail programs fetch it each time
the message is looked at: they may keep it for a day, by themselves and not in a cache that many share.
"""

import functools

from starlette.requests import Request
from starlette.responses import Response

from estafeta_core.hosting import sniff
from estafeta_core.tokens import Kind
from estafeta_web import answers, service
from estafeta_web.service import Away

KINDS = frozenset({Kind.IMAGE})
HEADERS = {
    "Cache-Control": "private, max-age=86400, immutable",  # the same token means the same bytes for ever
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Robots-Tag": "noindex",
}


async def image(request: Request) -> Response:
    """Send the image."""
    serving = service.of(request)
    token = serving.token(request, KINDS)
    if token is None:
        return answers.not_found()
    try:
        content = await serving.look(functools.partial(serving.shelf.read, token.target.hex()))
    except Away:
        return answers.unavailable()
    media_type = None if content is None else sniff(content)
    if media_type is None:
        return answers.not_found()
    return Response(content, headers=HEADERS, media_type=media_type)
