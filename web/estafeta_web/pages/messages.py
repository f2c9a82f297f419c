"""`/messages/ID`: the life of one recipient's copy, event by event."""

from starlette.responses import Response

from estafeta_core.store import Copy, Store
from estafeta_core.store.rows import Event
from estafeta_web.pages import gate, timeline
from estafeta_web.pages.gate import Missing, Visit

EVENTS = 500  # of one copy: pixels loaded again and again come to dozens


async def show(visit: Visit) -> Response:
    """Show a copy and what happened to it, oldest first."""
    message_id = gate.number(visit.request.path_params["id"])
    copy, found = await visit.look(lambda store: _find(store, visit.account, message_id))
    return visit.page(
        "message.html",
        transmission=copy.transmission,
        message=copy.message,
        steps=timeline.steps(found[:EVENTS]),
        more=len(found) > EVENTS,
    )


def _find(store: Store, account: str, message_id: int) -> tuple[Copy, list[Event]]:
    copy = store.message(message_id)
    if copy is None or copy.transmission.account != account:
        raise Missing
    return copy, store.mailing_events(copy.message, limit=EVENTS + 1)
