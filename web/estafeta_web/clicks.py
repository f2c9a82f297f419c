"""`GET /c/TOKEN`: a tracked link, answered with a redirect to its exact target.

The target comes from the signed token, never from the request. The redirect does not
depend on the record: it leaves even when the journal cannot take the click.
"""

from starlette.requests import Request
from starlette.responses import Response

from estafeta_core.tokens import Kind
from estafeta_web import answers, service

KINDS = frozenset({Kind.CLICK, Kind.AMP_CLICK})


async def click(request: Request) -> Response:
    """Record the click and redirect."""
    serving = service.of(request)
    token = serving.token(request, KINDS)
    if token is None:
        return answers.not_found()
    await serving.record(token, request)
    return answers.redirect(token.target)
