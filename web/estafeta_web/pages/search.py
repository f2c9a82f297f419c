"""`/search?q=`: an address finds what was sent to it; a transmission, message or queue id finds its page."""

from starlette.responses import Response

from estafeta_core.store import Received, Store
from estafeta_web.pages import gate, sends
from estafeta_web.pages.gate import Missing, Visit
from estafeta_web.pages.sends import ROWS

QUESTION_CHARACTERS = 320  # the longest address (RFC 5321 section 4.5.3.1)


async def show(visit: Visit) -> Response:
    """Show what is found, or go to the one page it is."""
    question = visit.asked("q").strip()[:QUESTION_CHARACTERS]
    if question and "@" not in question:
        found = await visit.look(lambda store: _page_of(store, visit.account, question))
        if found is not None:
            return gate.see_other(found)
    copies: list[Received] = []
    if "@" in question:
        before = visit.before()
        copies = await visit.look(
            lambda store: store.received(visit.account, question, before=before, limit=ROWS + 1)
        )
    return visit.page(
        "search.html",
        question=question,
        found=[(each, sends.recipient(each.mailing).state) for each in copies[:ROWS]],
        more=len(copies) > ROWS,
        begin=bool(visit.asked("before")),
    )


def _page_of(store: Store, account: str, id_text: str) -> str | None:
    """Return the path of the message or send with this id; None where it is not the account's."""
    try:
        transmission = sends.own(store, account, id_text)
    except Missing:
        return None
    if id_text == str(transmission.transmission_id) or not id_text.isdecimal():
        return f"/sends/{transmission.transmission_id}"
    message = store.message(int(id_text))
    return f"/messages/{id_text}" if message else f"/sends/{transmission.transmission_id}"
