"""JSON that a client sends: bounded in bytes, in time and in parts before anything is made of it.

The bytes alone are no bound, as `[[],[],...` becomes twenty times as much in memory; so its brackets, braces
and commas are counted first. An object that has a key twice is refused, because its readers would not agree.
Raises Problem.
"""

import functools
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from estafeta_core import json_strict
from estafeta_core.json_strict import JsonError, Repeated
from estafeta_web import body
from estafeta_web.api.problems import UNREAD, Problem, bad_request
from estafeta_web.service import Service

BODY_SECONDS = 14.0  # for it to arrive; the connection ends a request after 15

_REFUSED = {408: "The request did not arrive in time", 413: "The body may have {} bytes"}


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a body may be."""

    size: int  # bytes
    parts: int  # brackets, braces and commas


SMALL = Bounds(64 * 1024, 1_000)


async def read_object(serving: Service, request: Request, bounds: Bounds = SMALL) -> dict[str, Any]:
    """Return the object that the body is; {} for no body at all."""
    try:
        raw = await body.read(request, bounds.size, BODY_SECONDS)
    except body.Refused as refused:
        why = _REFUSED[refused.status].format(bounds.size)
        raise Problem(refused.status, why, headers=UNREAD) from None
    if not raw:
        return {}
    return await serving.look(functools.partial(_object, raw, bounds.parts))


def _object(raw: bytes, parts: int) -> dict[str, Any]:
    if sum(raw.count(sign) for sign in (b"[", b"{", b",")) > parts:
        raise bad_request("The body has too many parts")
    try:
        value = json_strict.loads(raw.decode())
    except UnicodeDecodeError:
        raise bad_request("The body is not UTF-8") from None
    except JsonError as error:
        raise bad_request("The body is not JSON", str(error)[:200]) from None
    if not isinstance(value, dict):
        raise bad_request("The body must be a JSON object")
    if isinstance(value, Repeated):
        raise bad_request("The body has a key twice")
    return value
