"""A webhook and a body -> the post, with what its receiver knows us by.

A token of OAuth 2.0 (`auth_type: oauth2`) is asked for with `auth_request_details` as RFC 6749 section 4.4.2
has it, kept in memory until its time is over, and asked for anew after a 400 or 401, as SparkPost does.

Raises what `poster` raises, and Unreachable where there is no token.
"""

import base64
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from estafeta_core.store.outgoing_rows import Webhook
from estafeta_core.webhooks import signature
from estafeta_core.webhooks.form import setting
from estafeta_core.webhooks.guard import Refused
from estafeta_core.webhooks.poster import Answer, Poster, Unreachable
from estafeta_core.webhooks.rendering import PING

TOKEN_SECONDS = 3600.0  # where the authorization server does not say how long
TOKEN_MARGIN = 30.0  # seconds before its end in which a token is not used any more
EXPIRED = (400, 401)  # what SparkPost takes for an answer to an expired token


@dataclass(frozen=True, slots=True)
class Body:
    """What is posted, under which id; `event_type` is the first event's, "" for a ping."""

    batch_id: str
    content: bytes
    event_type: str = ""


@dataclass(frozen=True, slots=True)
class _Token:
    details: dict[str, Any]
    text: str
    until: float


class Delivery:
    """Posts to webhooks, and the tokens of those that need one."""

    def __init__(self, poster: Poster) -> None:
        self.poster = poster
        self._tokens: dict[str, _Token] = {}

    async def ping(self, webhook: Webhook) -> Answer:
        """Post an empty batch, to see whether the receiver is there and lets us in."""
        return await self.deliver(webhook, Body(uuid.uuid4().hex, PING))

    async def deliver(self, webhook: Webhook, body: Body) -> Answer:
        """Post a batch and return the answer, whatever it is."""
        headers = _headers(webhook, body) | await self._authorization(webhook)
        answer = await self.poster.post(webhook.target, headers, body.content)
        if answer.status in EXPIRED:
            self._tokens.pop(webhook.webhook_id, None)
        return answer

    async def _authorization(self, webhook: Webhook) -> dict[str, str]:
        kind, credentials = setting(webhook, "auth_type"), setting(webhook, "auth_credentials")
        if kind == "basic":
            pair = f"{credentials['username']}:{credentials.get('password', '')}"
            return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        if kind == "oauth2":
            return {"Authorization": f"Bearer {await self._token(webhook)}"}
        return {}

    async def _token(self, webhook: Webhook) -> str:
        details = setting(webhook, "auth_request_details")
        if not details:
            return str(setting(webhook, "auth_credentials")["access_token"])
        kept = self._tokens.get(webhook.webhook_id)
        if kept is None or kept.details != details or kept.until < time.monotonic():
            kept = self._tokens[webhook.webhook_id] = await self._asked(details)
        return kept.text

    async def _asked(self, details: dict[str, Any]) -> _Token:
        form = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        try:
            answer = await self.poster.post(details["url"], form, urlencode(details["body"]).encode())
        except (Refused, Unreachable) as error:
            raise type(error)(f"the authorization server: {error}") from None
        if not answer.taken:
            raise Unreachable(f"the authorization server answered {answer.status}")
        try:
            said = json.loads(answer.body)
            text, seconds = str(said["access_token"]), float(said.get("expires_in", TOKEN_SECONDS))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise Unreachable("the authorization server gave no access_token") from None
        if not text.isascii() or not text.isprintable():
            raise Unreachable("the authorization server gave a token that is not plain ASCII")
        return _Token(details, text, time.monotonic() + seconds - TOKEN_MARGIN)


def _headers(webhook: Webhook, body: Body) -> dict[str, str]:
    """Return all header fields but the one that lets us in; what is ours stands above the account's."""
    headers = {
        **setting(webhook, "custom_headers"),
        "Content-Type": "application/json",
        "X-MessageSystems-Batch-ID": body.batch_id,
        **signature.standard(webhook.secret, body.batch_id, int(time.time()), body.content),
    }
    if setting(webhook, "auth_token"):
        headers["X-MessageSystems-Webhook-Token"] = setting(webhook, "auth_token")
    if setting(webhook, "signature") == "emitlo":
        headers |= signature.emitlo(webhook.secret, body.batch_id, body.event_type, body.content)
    return headers
