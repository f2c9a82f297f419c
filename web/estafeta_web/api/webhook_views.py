"""Webhooks and batches as SparkPost's API shows them; times are in UTC."""

from datetime import UTC, datetime
from typing import Any

from estafeta_core.events import iso_time
from estafeta_core.store import Backlog
from estafeta_core.store.outgoing_rows import Batch, Webhook
from estafeta_core.webhooks import form
from estafeta_core.webhooks.poster import Answer

PATH = "/api/v1/webhooks"
SHOWN_CHARACTERS = 2048  # of a receiver's answer: enough for the words of an error page


def listed(webhook: Webhook) -> dict[str, Any]:
    """Return a webhook as it stands in a list."""
    times = {"last_successful": webhook.last_successful, "last_failure": webhook.last_failure}
    known = {name: _time(moment) for name, moment in times.items() if moment is not None}
    return {"id": webhook.webhook_id, **form.shown(webhook), **known, "links": [_own(webhook)]}


def whole(webhook: Webhook, backlog: Backlog) -> dict[str, Any]:
    """Return a webhook with what waits for it."""
    links = [_link(webhook, "validate", "POST"), _link(webhook, "batch-status", "GET")]
    return listed(webhook) | {"waiting": backlog.events, "links": links}


def named(webhook: Webhook) -> dict[str, Any]:
    """Return what creating and changing answer."""
    return {"id": webhook.webhook_id, "links": [_own(webhook)]}


def batch(row: Batch) -> dict[str, Any]:
    """Return the status of a batch; `batch_size`, `state` and `webhook_id` are ours."""
    shown: dict[str, Any] = {
        "batch_id": str(row.batch_id),
        "webhook_id": row.webhook_id,
        "batch_size": len(row.event_ids),
        "ts": iso_time(row.tried or row.created),
        "attempts": row.attempts,
        "latency": row.latency,
        "state": row.state,
    }
    if row.response_code is not None:
        shown["response_code"] = str(row.response_code)
    if row.failure:
        shown["failure_code"] = row.failure
    return shown


def answer(said: Answer) -> dict[str, Any]:
    """Return what a receiver answered to a test."""
    body = said.body.decode("utf-8", "replace")[:SHOWN_CHARACTERS]
    return {"status": said.status, "headers": said.headers, "body": body}


def _own(webhook: Webhook) -> dict[str, Any]:
    return {
        "href": f"{PATH}/{webhook.webhook_id}",
        "rel": "urn.msys.webhooks.webhook",
        "method": ["GET", "PUT", "DELETE"],
    }


def _link(webhook: Webhook, what: str, method: str) -> dict[str, Any]:
    rel = "batches" if what == "batch-status" else what
    return {
        "href": f"{PATH}/{webhook.webhook_id}/{what}",
        "rel": f"urn.msys.webhooks.{rel}",
        "method": [method],
    }


def _time(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds // 1000, UTC):%Y-%m-%d %H:%M:%S}"
