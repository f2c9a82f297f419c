"""`/suppressions`: whom the account does not mail, and why; who has the permission `manage` changes it."""

from starlette.responses import Response

from estafeta_core import addresses, suppression
from estafeta_core.store.reader import as_id
from estafeta_core.store.rows import Lifted, Renewal
from estafeta_core.store.suppressions import Entries, Place
from estafeta_core.suppression import MAIL, TYPES
from estafeta_web.pages import gate
from estafeta_web.pages.gate import Missing, Visit
from estafeta_web.pages.sends import ROWS

PATH = "/suppressions"
OFFERED = tuple(reversed(MAIL))  # in the form: newsletters are what people leave
DONE = ("added", "removed")  # what a form has just done
DESCRIPTION_CHARACTERS = 200  # a sentence


async def show(visit: Visit) -> Response:
    """List suppressions, those written last first, or those of one address."""
    done = visit.asked("done")
    return await _page(visit, done if done in DONE else "")


async def add(visit: Visit) -> Response:
    """Put an address on the list."""
    fields = await visit.fields()
    recipient = fields.get("recipient", "").strip()
    types = [kind for kind in OFFERED if fields.get(kind)]
    if not addresses.is_address(recipient) or not types:
        return await _page(visit, "wrong", 400)
    subaccount = _subaccount(visit, fields.get("subaccount", ""))
    description = fields.get("description", "").strip()[:DESCRIPTION_CHARACTERS]
    now = visit.serving.now_ms()
    entries = (
        suppression.entry(visit.account, subaccount, recipient, kind, now=now, description=description)
        for kind in types
    )
    await visit.record([Renewal(entry) for entry in entries])
    return gate.see_other(f"{PATH}?done=added")


async def remove(visit: Visit) -> Response:
    """Take one type of an address off the list."""
    fields = await visit.fields()
    kind = fields.get("type", "")
    if kind not in TYPES:
        raise Missing
    subaccount = fields.get("subaccount") or None
    key = addresses.mailbox_key(fields.get("recipient", ""))
    await visit.record([Lifted(visit.account, subaccount, key, kind)])
    return gate.see_other(f"{PATH}?done=removed")


async def _page(visit: Visit, said: str, status: int = 200) -> Response:
    question = visit.asked("q").strip()
    after = _after(visit)
    subaccounts = visit.caller.credential.account.subaccounts
    found = await visit.look(
        lambda store: (
            store.suppressions_of(visit.account, ("", *subaccounts), question, TYPES)
            if question
            else store.suppressions(Entries(visit.account), limit=ROWS + 1, after=after, newest_first=True)
        )
    )
    return visit.page(
        "suppressions.html",
        status,
        question=question,
        suppressions=found[:ROWS] if not question else found,
        more=not question and len(found) > ROWS,
        begin=after is not None,
        said=said,
        types=OFFERED,
        subaccounts=tuple(subaccounts),
        may_manage=visit.may_manage,
    )


def _after(visit: Visit) -> Place | None:
    """Return where the page begins: behind the last one of the page before."""
    updated = as_id(visit.asked("updated"))
    if updated is None:
        return None
    return updated, visit.asked("subaccount"), visit.asked("after"), visit.asked("type")


def _subaccount(visit: Visit, name: str) -> str | None:
    if name and name not in visit.caller.credential.account.subaccounts:
        raise Missing
    return name or None
