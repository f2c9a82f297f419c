"""`/suppressions`: whom the account does not mail, and why; who has the permission `manage` changes it."""

from starlette.responses import Response

from estafeta_core import addresses
from estafeta_core.store.rows import Lifted, Suppression
from estafeta_web.pages import gate
from estafeta_web.pages.gate import Missing, Visit
from estafeta_web.pages.sends import ROWS

PATH = "/suppressions"
TYPES = ("non_transactional", "transactional")
DONE = ("added", "removed")  # what a form has just done
SOURCE = "Manually Added"  # SparkPost's word for what a person has put there
DESCRIPTION_CHARACTERS = 200  # a sentence


async def show(visit: Visit) -> Response:
    """List suppressions in the order of addresses, or those of one address."""
    done = visit.asked("done")
    return await _page(visit, done if done in DONE else "")


async def add(visit: Visit) -> Response:
    """Put an address on the list."""
    fields = await visit.fields()
    recipient = fields.get("recipient", "").strip()
    types = [kind for kind in TYPES if fields.get(kind)]
    if not addresses.is_address(recipient) or not types:
        return await _page(visit, "wrong", 400)
    subaccount = _subaccount(visit, fields.get("subaccount", ""))
    description = fields.get("description", "").strip()[:DESCRIPTION_CHARACTERS]
    key, now = addresses.mailbox_key(recipient), visit.serving.now_ms()
    await visit.record(
        [Suppression(visit.account, subaccount, key, kind, SOURCE, description, now) for kind in types]
    )
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
    after = (visit.asked("subaccount"), visit.asked("after"), visit.asked("type"))
    subaccounts = visit.caller.credential.account.subaccounts
    found = await visit.look(
        lambda store: (
            store.suppressions_of(visit.account, subaccounts, question)
            if question
            else store.suppressions(visit.account, after=after, limit=ROWS + 1)
        )
    )
    return visit.page(
        "suppressions.html",
        status,
        question=question,
        suppressions=found[:ROWS] if not question else found,
        more=not question and len(found) > ROWS,
        begin=any(after),
        said=said,
        types=TYPES,
        subaccounts=tuple(subaccounts),
        may_manage=visit.may_manage,
    )


def _subaccount(visit: Visit, name: str) -> str | None:
    if name and name not in visit.caller.credential.account.subaccounts:
        raise Missing
    return name or None
