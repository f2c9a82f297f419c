"""`GET /api/v1/transmissions/ID`: one transmission, and what has become of each recipient's copy.

ID is a transmission id, a message id, or the queue id of Postfix's "queued as". Recipients come in pages, in
the order of their message ids; events that a token shared by all of them has told are nobody's, and left out.
"""

import functools
from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from estafeta_core import events
from estafeta_core.bounce_class import ADMIN_FAILURE
from estafeta_core.events import iso_time, view
from estafeta_core.store import Store
from estafeta_core.store.rows import Event, Message, Transmission
from estafeta_web.access import Caller
from estafeta_web.api.asking import ask
from estafeta_web.api.paging import Paging
from estafeta_web.api.parameters import Parameters
from estafeta_web.api.problems import not_found
from estafeta_web.api.rendering import rendered
from estafeta_web.service import Service

PIECE = 100  # recipients whose events are rendered at a time

_SAID_ABOVE = frozenset({"transmission_id", "message_id", "subaccount_id"})
_STATES = {
    events.POLICY_REJECTION: "rejected",
    events.DELIVERY: "delivered",
    events.DELAY: "delayed",
    events.BOUNCE: "bounced",
    events.OUT_OF_BAND: "bounced",
}


async def show(serving: Service, caller: Caller, request: Request) -> Response:
    """Return a transmission of the caller's."""
    parameters = Parameters(request, ("per_page", "cursor"))
    paging = Paging(parameters, caller, (int,))
    id_text = request.path_params["id"].strip()
    store = serving.store
    transmission = await ask(serving, functools.partial(store.own_transmission, caller.account, id_text))
    if transmission is None or not _is_visible(transmission, caller):
        raise not_found()
    number = transmission.transmission_id
    after = paging.place[0] if paging.place else 0
    found = await ask(serving, functools.partial(store.messages_after, number, after, paging.per_page + 1))
    page = found[: paging.per_page]
    recipients: list[dict[str, Any]] = []
    for start in range(0, len(page), PIECE):
        piece = page[start : start + PIECE]
        recipients += await ask(serving, functools.partial(_recipients, store, number, piece))
    more = len(found) > len(page)
    count = await ask(serving, functools.partial(store.count_messages, number))
    return await rendered(
        serving,
        lambda: {
            "results": {"transmission": _shown(transmission, count) | {"recipients": recipients}},
            "links": {"next": paging.link(page[-1].message_id)} if more else {},
        },
    )


def _is_visible(transmission: Transmission, caller: Caller) -> bool:
    return caller.subaccount is None or caller.subaccount == (transmission.subaccount or "")


def _shown(transmission: Transmission, count: int) -> dict[str, Any]:
    return {
        "id": str(transmission.transmission_id),
        "transmission_id": str(transmission.transmission_id),
        "queue_id": transmission.queue_id,
        "state": "success",  # SparkPost's word for: taken over; each recipient has a state of his own
        "subaccount_id": transmission.subaccount or "0",
        "campaign_id": transmission.campaign_id,
        "generation_start_time": iso_time(transmission.injection_time),
        "generation_end_time": iso_time(transmission.injection_time),
        "injection_time": iso_time(transmission.injection_time),
        "return_path": transmission.msg_from,
        "metadata": transmission.metadata,
        "tags": list(transmission.tags),
        "options": {
            "open_tracking": transmission.open_tracking,
            "click_tracking": transmission.click_tracking,
            "transactional": transmission.transactional,
        },
        "content": {"from": {"email": transmission.friendly_from}, "subject": transmission.subject},
        "msg_size": str(transmission.msg_size),
        "num_rcpts": count,
    }


def _recipients(store: Store, transmission_id: int, messages: list[Message]) -> list[dict[str, Any]]:
    told: dict[int, list[Event]] = {message.message_id: [] for message in messages}
    for event in store.events_of(transmission_id, told):
        if event.message_id is not None:
            told[event.message_id].append(event)
    return [_recipient(message, told[message.message_id]) for message in messages]


def _recipient(message: Message, told: list[Event]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "message_id": str(message.message_id),
        "rcpt_to": message.rcpt_to,
        "raw_rcpt_to": message.raw_rcpt_to,
        "state": state(told),
        "events": [_event(event) for event in told],
    }
    if message.rcpt_type:
        fields["rcpt_type"] = message.rcpt_type
    return fields


def _event(event: Event) -> dict[str, Any]:
    """Return what only this event has to say."""
    return {name: value for name, value in view(event, None, None).items() if name not in _SAID_ABOVE}


def state(told: Iterable[Event]) -> str:
    """Return a recipient's latest state: queued, delayed, delivered, bounced, suppressed or rejected.

    A report that comes after the delivery wins over it; opening and clicking change nothing.
    """
    found = "queued"
    for event in told:
        if event.type == events.BOUNCE and event.data.get("bounce_class") == str(ADMIN_FAILURE):
            found = "suppressed"
        else:
            found = _STATES.get(event.type, found)
    return found
