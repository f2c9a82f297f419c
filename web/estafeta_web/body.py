"""The body of a request: bounded in length and in the time it may take to arrive.

Raises Refused, which holds the answer.
"""

import asyncio

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response


class Refused(Exception):  # noqa: N818 - it names what became of the request
    """A body that is too long, or does not come."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status

    @property
    def response(self) -> Response:
        """The answer; the connection ends with it, as the rest of the request is not wanted."""
        return Response(status_code=self.status, headers={"Connection": "close"})


async def read(request: Request, limit: int, seconds: float) -> bytes:
    """Return the body, of at most `limit` bytes."""
    try:
        return await asyncio.wait_for(_read(request, limit), seconds)
    except (TimeoutError, ClientDisconnect):
        raise Refused(408) from None


async def _read(request: Request, limit: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise Refused(413)
    return bytes(body)
