"""`GET /f/TOKEN/NAME`: an attachment, to be saved and never to be shown in place.

Which file it is and how it is called stands in the token; the name in the URL is for people. The media type
follows from the name's ending, and only where nothing of that type can run.
"""

import asyncio
import functools
import os
from collections.abc import AsyncIterator
from typing import BinaryIO

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from estafeta_core.tokens import Kind
from estafeta_web import answers, service
from estafeta_web.disposition import attachment
from estafeta_web.service import Away

KINDS = frozenset({Kind.FILE})
PIECE = 64 * 1024  # bytes held in memory for each download
HEADERS = {"Content-Security-Policy": "sandbox; default-src 'none'", "X-Robots-Tag": "noindex"}

_OFFICE = "application/vnd.openxmlformats-officedocument"
_TYPES = {
    "csv": "text/csv",
    "docx": f"{_OFFICE}.wordprocessingml.document",
    "gif": "image/gif",
    "ics": "text/calendar",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "pdf": "application/pdf",
    "png": "image/png",
    "pptx": f"{_OFFICE}.presentationml.presentation",
    "txt": "text/plain",
    "vcf": "text/vcard",
    "xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    "zip": "application/zip",
}


async def download(request: Request) -> Response:
    """Send the file."""
    serving = service.of(request)
    token = serving.token(request, KINDS)
    if token is None:
        return answers.not_found()
    try:
        file = await serving.look(functools.partial(serving.shelf.open, token.target.hex()))
    except Away:
        return answers.unavailable()
    if file is None:
        return answers.not_found()
    headers = HEADERS | {
        "Content-Type": media_type(token.name),
        "Content-Disposition": attachment(token.name),
        "Content-Length": str(os.fstat(file.fileno()).st_size),
    }
    if request.method == "HEAD":
        file.close()
        return Response(headers=headers)
    return StreamingResponse(_pieces(file), headers=headers)


def media_type(name: str) -> str:
    """Return the type of a file with this name."""
    return _TYPES.get(name.rpartition(".")[2].lower(), "application/octet-stream")


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    """Read the file in a thread, as a disk may be slow, and close it even when the client has gone."""
    try:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
    finally:
        file.close()
