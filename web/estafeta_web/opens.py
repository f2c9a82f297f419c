"""`GET /o/TOKEN.gif`: the pixel that tells an open; the one at the top of a body is the initial open."""

from starlette.requests import Request
from starlette.responses import Response

from estafeta_core.tokens import Kind
from estafeta_web import answers, service

_SHOWN = Response(answers.PIXEL, media_type="image/gif")  # made once: it is the same for everybody

KINDS = frozenset({Kind.OPEN, Kind.INITIAL_OPEN})


async def pixel(request: Request) -> Response:
    """Record the open and send the pixel."""
    serving = service.of(request)
    token = serving.token(request, KINDS)
    if token is None:
        return answers.not_found()
    await serving.record(token, request)
    return _SHOWN
