"""JSON as it leaves."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from estafeta_web.service import Service

JSON = "application/json"


def encoded(value: Any) -> bytes:
    """Return `value` as JSON in UTF-8; a lone surrogate, which UTF-8 has no bytes for, as its escape."""
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, OverflowError):
        return json.dumps(value, separators=(",", ":")).encode()


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer that holds `value`."""
    return Response(encoded(value), status, headers, media_type=JSON)


async def rendered(serving: Service, value: Callable[[], Any]) -> Response:
    """Return the answer that holds what may be large: it is made in a thread, while others are answered."""
    return Response(await serving.look(lambda: encoded(value())), media_type=JSON)
