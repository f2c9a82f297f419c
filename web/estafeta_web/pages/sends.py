"""`/sends`: what was sent, and one send with its recipients.

Everything here came by SMTP, which a mark says, as it does in the lists of Teenvio's own panel.
"""

from dataclasses import dataclass

from starlette.responses import Response

from estafeta_core import statistics
from estafeta_core.store import ContactGroup, Mailing, Store
from estafeta_core.store.rows import Event, Transmission
from estafeta_web.pages import gate, timeline
from estafeta_web.pages.gate import Missing, Visit

ROWS = 50  # of a page: what one looks through without searching
EVENTS = 50  # of a send; each recipient's page has all of his


@dataclass(frozen=True, slots=True)
class Recipient:
    """A line of the table of recipients."""

    mailing: Mailing
    state: str


@dataclass(frozen=True, slots=True)
class _Found:
    transmission: Transmission
    mailings: list[Mailing]
    events: list[tuple[Event, str]]
    group: ContactGroup | None
    has_content: bool


async def list_(visit: Visit) -> Response:
    """List sends, newest first."""
    before = visit.before()
    found = await visit.look(lambda store: store.sends(visit.account, before=before, limit=ROWS + 1))
    return visit.page(
        "sends.html", sends=found[:ROWS], more=len(found) > ROWS, begin=bool(visit.asked("before"))
    )


async def show(visit: Visit) -> Response:
    """Show one send: what it was, its recipients with their states, the latest events."""
    id_text = visit.request.path_params["id"]
    after = gate.number(visit.asked("after") or "0")
    found = await visit.look(lambda store: _find(store, visit.account, id_text, after))
    recipients = [recipient(mailing) for mailing in found.mailings]
    return visit.page(
        "send.html",
        transmission=found.transmission,
        recipients=recipients[:ROWS],
        more=len(recipients) > ROWS,
        begin=bool(after),
        steps=[timeline.step(event, address) for event, address in found.events],
        group=found.group,
        has_content=found.has_content,
    )


def recipient(mailing: Mailing) -> Recipient:
    """Return a copy with its state in one word."""
    return Recipient(mailing, statistics.state(mailing.fate))


def own(store: Store, account: str, id_text: str) -> Transmission:
    """Return the transmission with this id of any kind; Missing where it is not the account's."""
    transmission = store.find_transmission(id_text.strip())
    if transmission is None or transmission.account != account:
        raise Missing
    return transmission


def _find(store: Store, account: str, id_text: str, after: int) -> _Found:
    transmission = own(store, account, id_text)
    id_ = transmission.transmission_id
    return _Found(
        transmission,
        store.mailings(id_, after=after, limit=ROWS + 1),
        store.latest_events(id_, limit=EVENTS),
        store.group(str(id_)),
        store.content(id_) is not None,
    )
