"""`/api/v1/webhooks`: whereto events are posted, as SparkPost's API has it.

    POST   /api/v1/webhooks                        make one; the receiver is asked first
    GET    /api/v1/webhooks                        all of the account
    GET    /api/v1/webhooks/{id}
    PUT    /api/v1/webhooks/{id}                   change it; a new target is asked first
    DELETE /api/v1/webhooks/{id}
    POST   /api/v1/webhooks/{id}/validate          ask the receiver
    GET    /api/v1/webhooks/{id}/batch-status      ?limit=1000
    POST   /api/v1/webhooks/{id}/replay            ours: {"from", "to"} or {"transmission_id"}

`manage` may change, `events` may look. Errors are SparkPost's: `{"errors": [{"message": ..., "code": ...}]}`.
Another account's webhook, and another subaccount's for a caller narrowed to one, is not there.
"""

import asyncio
import functools
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from estafeta_core import json_strict
from estafeta_core.config.accounts import Permission
from estafeta_core.store.reader import LATEST
from estafeta_core.store.rows import Webhook, WebhookRemoved
from estafeta_core.webhooks import form, signature
from estafeta_core.webhooks.form import FormError
from estafeta_core.webhooks.guard import Refused
from estafeta_core.webhooks.poster import Answer, Unreachable
from estafeta_core.webhooks.replay import replay as replay_events
from estafeta_web import answers, service
from estafeta_web.access import SUBACCOUNT, Caller, Forbidden, TooManyGuesses, Unknown
from estafeta_web.api import webhook_views
from estafeta_web.service import Away, Handler, Place, Service

WEBHOOKS = 50  # of an account: each is looked after every few seconds
BODY_BYTES = 64 * 1024  # of a request; a webhook has less than 10 KB
BODY_SECONDS = 10.0  # for a body to arrive
BATCHES = 1000  # in an answer, as SparkPost's default

_FAULTS: dict[type[Exception], tuple[int, str]] = {
    Unknown: (401, "Unauthorized."),
    Forbidden: (403, "Forbidden."),
    TooManyGuesses: (429, "Too many failed logins; try again later."),
    Away: (503, "The store is not available; try again later."),
}

Answering = Callable[[Request, Service, Caller], Awaitable[Response]]


class _Problem(Exception):  # noqa: N818 - it is an answer, not a mistake
    def __init__(self, status: int, message: str, **more: object) -> None:
        super().__init__(message)
        self.response = _error(status, message, **more)


def _error(status: int, message: str, **more: object) -> Response:
    headers = {"Retry-After": str(answers.RETRY_AFTER)} if status in (429, 503) else None
    return JSONResponse({"errors": [{"message": message, "code": str(status), **more}]}, status, headers)


def _for(permission: Permission) -> Callable[[Answering], Handler]:
    """Have a handler answer those who may, and say to all others, and of every fault, what is wrong."""

    def wrapped(handler: Answering) -> Handler:
        @functools.wraps(handler)
        async def answered(request: Request) -> Response:
            serving = service.of(request)
            try:
                return await handler(request, serving, await _caller(request, serving, permission))
            except tuple(_FAULTS) as fault:
                return _error(*_FAULTS[type(fault)])
            except FormError as error:
                return _error(400, str(error))
            except _Problem as problem:
                return problem.response

        return answered

    return wrapped


async def _caller(request: Request, serving: Service, permission: Permission) -> Caller:
    headers = request.headers
    return await serving.access.authorized(
        headers.get("authorization", ""), permission, serving.address(request), headers.get(SUBACCOUNT)
    )


@_for("manage")
async def create(request: Request, serving: Service, caller: Caller) -> Response:
    """Make a webhook, once its receiver has answered; its secret is shown here and never again."""
    fields = await _fields(request)
    there = await serving.look(functools.partial(serving.store.webhooks, caller.account))
    if len(there) >= WEBHOOKS:
        raise _Problem(400, f"An account has at most {WEBHOOKS} webhooks.")
    webhook = form.made(_blank(caller, serving.now_ms()), fields)
    await _asked(serving, webhook)
    await serving.look(functools.partial(serving.store.record, [webhook], service.PATIENCE))
    return JSONResponse({"results": webhook_views.named(webhook) | {"secret": webhook.secret}})


@_for("events")
async def index(_request: Request, serving: Service, caller: Caller) -> Response:
    """List webhooks."""
    found = await serving.look(functools.partial(serving.store.webhooks, caller.account))
    return JSONResponse({"results": [webhook_views.listed(each) for each in found if _sees(caller, each)]})


@_for("events")
async def show(request: Request, serving: Service, caller: Caller) -> Response:
    """Show a webhook, and how many events wait for it."""
    webhook = await _webhook(request, serving, caller)
    backlog = await serving.look(functools.partial(serving.store.backlog, webhook.webhook_id))
    return JSONResponse({"results": webhook_views.whole(webhook, backlog)})


@_for("manage")
async def change(request: Request, serving: Service, caller: Caller) -> Response:
    """Change what the request names; where posts go elsewhere, the receiver there is asked first."""
    before = await _webhook(request, serving, caller)
    webhook = form.made(before, await _fields(request))
    if webhook.target != before.target:
        await _asked(serving, webhook)
    await serving.look(functools.partial(serving.store.record, [webhook], service.PATIENCE))
    return JSONResponse({"results": webhook_views.named(webhook)})


@_for("manage")
async def remove(request: Request, serving: Service, caller: Caller) -> Response:
    """Remove a webhook and all that waits for it."""
    webhook = await _webhook(request, serving, caller)
    gone = [WebhookRemoved(webhook.webhook_id)]
    await serving.look(functools.partial(serving.store.record, gone, service.PATIENCE))
    return Response(status_code=204)


@_for("manage")
async def validate(request: Request, serving: Service, caller: Caller) -> Response:
    """Post an empty batch and say what the receiver answered."""
    answer = await _asked(serving, await _webhook(request, serving, caller))
    told = {"msg": "Test POST to endpoint succeeded", "response": webhook_views.answer(answer)}
    return JSONResponse({"results": told})


@_for("events")
async def batches(request: Request, serving: Service, caller: Caller) -> Response:
    """List the batches of the last day, and those that wait, the one tried last first."""
    webhook = await _webhook(request, serving, caller)
    text = request.query_params.get("limit", str(BATCHES))
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= BATCHES):
        raise FormError(f"limit: a number from 1 to {BATCHES} is needed")
    found = await serving.look(functools.partial(serving.store.batches, webhook.webhook_id, int(text)))
    return JSONResponse({"results": [webhook_views.batch(each) for each in found]})


@_for("manage")
async def replay(request: Request, serving: Service, caller: Caller) -> Response:
    """Have events posted again."""
    webhook = await _webhook(request, serving, caller)
    fields = await _fields(request)
    unknown = set(fields) - {"from", "to", "transmission_id"}
    if unknown or not fields:
        raise FormError("from and to, or transmission_id, are what can be replayed by")
    asked = functools.partial(
        replay_events,
        serving.store,
        webhook,
        since=_moment("from", fields.get("from"), 0),
        until=_moment("to", fields.get("to"), LATEST),
        transmission=str(fields.get("transmission_id", "")),
    )
    return JSONResponse({"results": {"events": await serving.look(asked)}})


def _blank(caller: Caller, now: int) -> Webhook:
    return Webhook(
        webhook_id=str(uuid.uuid4()),
        account=caller.account,
        subaccount=caller.subaccount,
        name="",
        target="",
        active=True,
        events=(),
        exceptions=(),
        settings={},
        secret=signature.new_secret(),
        created=now,
    )


async def _asked(serving: Service, webhook: Webhook) -> Answer:
    """Return what the receiver answers to an empty batch; a problem where it does not take it."""
    try:
        async with serving.pings:
            answer = await serving.webhooks.ping(webhook)
    except Refused as error:
        raise _Problem(400, f"target: {error}") from None
    except Unreachable as error:
        raise _Problem(400, "POST to webhook target URL failed", description=str(error)) from None
    if not answer.taken:
        said = webhook_views.answer(answer)
        raise _Problem(400, "POST to webhook target URL failed", response=said)
    return answer


async def _webhook(request: Request, serving: Service, caller: Caller) -> Webhook:
    look = functools.partial(serving.store.webhook, request.path_params["webhook_id"])
    webhook = await serving.look(look)
    if webhook is None or not _sees(caller, webhook):
        raise _Problem(404, "resource not found")
    return webhook


def _sees(caller: Caller, webhook: Webhook) -> bool:
    mine = webhook.account == caller.account
    return mine and caller.subaccount in (None, webhook.subaccount)


async def _fields(request: Request) -> dict[str, Any]:
    """Return the JSON object in the body of a request."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_BYTES:
                    raise _Problem(413, f"A request has at most {BODY_BYTES} bytes.")
        fields = json_strict.loads(body.decode())
    except (TimeoutError, ClientDisconnect):
        raise _Problem(408, "The request did not arrive in time.") from None
    except (UnicodeDecodeError, json_strict.JsonError):
        raise _Problem(400, "The body is not JSON.") from None
    if not isinstance(fields, dict):
        raise _Problem(400, "The body is not a JSON object.")
    return fields


def _moment(field: str, value: Any, default: int) -> int:
    """Return a time in Unix milliseconds; one without zone is UTC."""
    if value is None:
        return default
    try:
        moment = datetime.fromisoformat(str(value))
        return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise FormError(f"{field}: a time such as 2026-11-20T13:00:00Z is needed") from None


_ONE = webhook_views.PATH + "/{webhook_id}"
PLACES = (
    Place(webhook_views.PATH, "api_webhooks", create, "POST"),
    Place(webhook_views.PATH, "api_webhooks", index),
    Place(_ONE, "api_webhooks", show),
    Place(_ONE, "api_webhooks", change, "PUT"),
    Place(_ONE, "api_webhooks", remove, "DELETE"),
    Place(f"{_ONE}/validate", "api_webhooks", validate, "POST"),
    Place(f"{_ONE}/batch-status", "api_webhooks", batches),
    Place(f"{_ONE}/replay", "api_webhooks", replay, "POST"),
)
