"""`/groups`: the contacts that each SMTP transaction named, and one group with its contacts."""

from starlette.responses import Response

from estafeta_core.store import ContactGroup, Store
from estafeta_web.pages.gate import Missing, Visit
from estafeta_web.pages.sends import ROWS


async def list_(visit: Visit) -> Response:
    """List groups, newest first."""
    before = visit.before()
    found = await visit.look(lambda store: store.groups(visit.account, before=before, limit=ROWS + 1))
    return visit.page(
        "groups.html", groups=found[:ROWS], more=len(found) > ROWS, begin=bool(visit.asked("before"))
    )


async def show(visit: Visit) -> Response:
    """Show the contacts in a group, in the order of addresses."""
    id_text, after = visit.request.path_params["id"], visit.asked("after")
    group, contacts = await visit.look(lambda store: _find(store, visit.account, id_text, after))
    return visit.page(
        "group.html",
        group=group.group,
        count=group.contacts,
        contacts=contacts[:ROWS],
        more=len(contacts) > ROWS,
        begin=bool(after),
    )


def _find(store: Store, account: str, id_text: str, after: str) -> tuple[ContactGroup, list[str]]:
    found = store.group(id_text)
    if found is None or found.group.account != account:
        raise Missing
    return found, store.contacts_in(found.group.group_id, after=after, limit=ROWS + 1)
