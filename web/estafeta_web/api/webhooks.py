"""`/api/v1/webhooks`: whereto events are posted, as SparkPost's API has it.

    POST   /api/v1/webhooks                        make one; the receiver is asked first
    GET    /api/v1/webhooks                        all of the account
    GET    /api/v1/webhooks/{id}
    PUT    /api/v1/webhooks/{id}                   change it; a new target is asked first
    DELETE /api/v1/webhooks/{id}
    POST   /api/v1/webhooks/{id}/validate          ask the receiver
    GET    /api/v1/webhooks/{id}/batch-status      ?limit=1000
    POST   /api/v1/webhooks/{id}/replay            ours: {"from", "to"} or {"transmission_id"}

Another account's webhook, and another subaccount's for a caller narrowed to one, is not there.
"""

import functools
import uuid
from datetime import UTC
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from estafeta_core.store.outgoing_rows import Webhook, WebhookRemoved
from estafeta_core.store.reader import LATEST
from estafeta_core.webhooks import form, signature
from estafeta_core.webhooks.form import FormError
from estafeta_core.webhooks.guard import Refused
from estafeta_core.webhooks.poster import Answer, Unreachable
from estafeta_core.webhooks.replay import replay as replay_events
from estafeta_web import service
from estafeta_web.access import Caller
from estafeta_web.api import webhook_views
from estafeta_web.api.body import read_object
from estafeta_web.api.parameters import Parameters, milliseconds
from estafeta_web.api.problems import Problem, bad_request, not_found
from estafeta_web.api.rendering import json_response
from estafeta_web.service import Service

WEBHOOKS = 50  # of an account: each is looked after every few seconds
BATCHES = 1000  # in an answer, as SparkPost's default


async def create(serving: Service, caller: Caller, request: Request) -> Response:
    """Make a webhook, once its receiver has answered; its secret is shown here and never again."""
    fields = await read_object(serving, request)
    there = await serving.look(functools.partial(serving.store.webhooks, caller.account))
    if len(there) >= WEBHOOKS:
        raise bad_request(f"An account has at most {WEBHOOKS} webhooks")
    webhook = _made(_blank(caller, serving.now_ms()), fields)
    await _asked(serving, webhook)
    await serving.look(functools.partial(serving.store.record, [webhook], service.PATIENCE))
    return json_response({"results": webhook_views.named(webhook) | {"secret": webhook.secret}})


async def index(serving: Service, caller: Caller, _request: Request) -> Response:
    """List webhooks."""
    found = await serving.look(functools.partial(serving.store.webhooks, caller.account))
    return json_response({"results": [webhook_views.listed(each) for each in found if _sees(caller, each)]})


async def show(serving: Service, caller: Caller, request: Request) -> Response:
    """Show a webhook, and how many events wait for it."""
    webhook = await _webhook(serving, caller, request)
    backlog = await serving.look(functools.partial(serving.store.backlog, webhook.webhook_id))
    return json_response({"results": webhook_views.whole(webhook, backlog)})


async def change(serving: Service, caller: Caller, request: Request) -> Response:
    """Change what the request names; where posts go elsewhere, the receiver there is asked first."""
    before = await _webhook(serving, caller, request)
    webhook = _made(before, await read_object(serving, request))
    if webhook.target != before.target:
        await _asked(serving, webhook)
    await serving.look(functools.partial(serving.store.record, [webhook], service.PATIENCE))
    return json_response({"results": webhook_views.named(webhook)})


async def remove(serving: Service, caller: Caller, request: Request) -> Response:
    """Remove a webhook and all that waits for it."""
    webhook = await _webhook(serving, caller, request)
    gone = [WebhookRemoved(webhook.webhook_id)]
    await serving.look(functools.partial(serving.store.record, gone, service.PATIENCE))
    return Response(status_code=204)


async def validate(serving: Service, caller: Caller, request: Request) -> Response:
    """Post an empty batch and say what the receiver answered."""
    answer = await _asked(serving, await _webhook(serving, caller, request))
    told = {"msg": "Test POST to endpoint succeeded", "response": webhook_views.answer(answer)}
    return json_response({"results": told})


async def batches(serving: Service, caller: Caller, request: Request) -> Response:
    """List the batches of the last day, and those that wait, the one tried last first."""
    webhook = await _webhook(serving, caller, request)
    limit = Parameters(request, ("limit",)).number("limit", default=BATCHES, most=BATCHES)
    found = await serving.look(functools.partial(serving.store.batches, webhook.webhook_id, limit))
    return json_response({"results": [webhook_views.batch(each) for each in found]})


async def replay(serving: Service, caller: Caller, request: Request) -> Response:
    """Have events posted again."""
    webhook = await _webhook(serving, caller, request)
    fields = await read_object(serving, request)
    unknown = set(fields) - {"from", "to", "transmission_id"}
    if unknown or not fields:
        raise bad_request("from and to, or transmission_id, are what can be replayed by")
    asked = functools.partial(
        replay_events,
        serving.store,
        webhook,
        since=_moment("from", fields.get("from"), 0),
        until=_moment("to", fields.get("to"), LATEST),
        transmission=str(fields.get("transmission_id", "")),
    )
    try:
        return json_response({"results": {"events": await serving.look(asked)}})
    except FormError as error:
        raise bad_request(str(error)) from None


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
        raise bad_request(f"target: {error}") from None
    except Unreachable as error:
        raise bad_request("POST to webhook target URL failed", str(error)) from None
    if not answer.taken:
        said = webhook_views.answer(answer)
        raise Problem(400, "POST to webhook target URL failed", more={"response": said})
    return answer


async def _webhook(serving: Service, caller: Caller, request: Request) -> Webhook:
    look = functools.partial(serving.store.webhook, request.path_params["webhook_id"])
    webhook = await serving.look(look)
    if webhook is None or not _sees(caller, webhook):
        raise not_found("resource not found")
    return webhook


def _sees(caller: Caller, webhook: Webhook) -> bool:
    mine = webhook.account == caller.account
    return mine and caller.subaccount in (None, webhook.subaccount)


def _made(before: Webhook, fields: dict[str, Any]) -> Webhook:
    try:
        return form.made(before, fields)
    except FormError as error:
        raise bad_request(str(error)) from None


def _moment(field: str, value: Any, default: int) -> int:
    """Return a time in Unix milliseconds; one without zone is UTC."""
    if value is None:
        return default
    try:
        return milliseconds(str(value), UTC)
    except (ValueError, OverflowError):
        raise bad_request(f"{field}: a time such as 2026-11-20T13:00:00Z is needed") from None
