"""`/api/v1/suppression-list`: whom an account does not mail.

A list belongs to a subaccount or to the account itself; X-MSYS-SUBACCOUNT says which. Without it, what is
read is read from all of them, and what is written goes to the account's own. A 200 or 204 to a change means
that it is on the disk and holds for the next message, in whichever session; a 503, that it is not there.
"""

import functools
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from estafeta_core import suppression
from estafeta_core.addresses import mailbox_key
from estafeta_core.json_strict import Repeated
from estafeta_core.store.event_filter import pattern
from estafeta_core.store.rows import Lifted, Renewal, Row, Suppression
from estafeta_core.store.suppressions import Entries, place
from estafeta_web.access import Caller
from estafeta_web.api.asking import ask
from estafeta_web.api.body import SMALL, Bounds, read_object
from estafeta_web.api.paging import COUNTED, Paging
from estafeta_web.api.parameters import Parameters
from estafeta_web.api.problems import bad_request, not_found
from estafeta_web.api.rendering import json_response, rendered
from estafeta_web.service import Service

MOST_ENTRIES = 10_000  # SparkPost's, as are the 50 MB
BULK = Bounds(50 * 1024 * 1024, 50 * MOST_ENTRIES)
WRITTEN = 4.0  # seconds for a change to be on the disk, after which it is withdrawn; `look` waits for 5

KNOWN = ("from", "to", "types", "sources", "domain", "description", "per_page", "limit", "cursor", "sort")
_MISSING = "Recipient could not be found"


async def show(serving: Service, caller: Caller, request: Request) -> Response:
    """Return what the lists have of one recipient."""
    types = _types(Parameters(request, ("types",)).list("types"))
    found = await _of_recipient(
        serving, caller, _recipient(request), types or suppression.MAIL, _read(caller)
    )
    if not found:
        raise not_found(_MISSING)
    return json_response({"results": [*map(suppression.view, found)], "links": [], "total_count": len(found)})


async def put(serving: Service, caller: Caller, request: Request) -> Response:
    """Enter one recipient, or renew his entry."""
    body = await read_object(serving, request, SMALL)
    try:
        rows = _entries(serving, caller, _recipient(request), body)
    except ValueError as error:
        raise bad_request(str(error)) from None
    await _write(serving, rows)
    return json_response({"results": {"message": "Suppression list successfully updated"}})


async def put_many(serving: Service, caller: Caller, request: Request) -> Response:
    """Enter up to 10,000 recipients, all of them or none."""
    body = await read_object(serving, request, BULK)
    recipients = body.get("recipients")
    if not isinstance(recipients, list) or not recipients:
        raise bad_request("recipients must be a list that is not empty")
    if len(recipients) > MOST_ENTRIES:
        raise bad_request(f"recipients may have {MOST_ENTRIES} entries", f"There are {len(recipients)}.")
    rows = await serving.look(functools.partial(_all_entries, serving, caller, recipients))
    await _write(serving, rows)
    return json_response({"results": {"message": "Suppression List successfully updated"}})


async def remove(serving: Service, caller: Caller, request: Request) -> Response:
    """Take a recipient off the list, for one type or for both that stop mail."""
    kind = (await read_object(serving, request, SMALL)).get("type")
    if kind is not None and kind not in suppression.TYPES:
        raise bad_request(f"Type must be one of: {', '.join(map(repr, suppression.TYPES))}")
    types = (kind,) if kind else suppression.MAIL
    own = caller.subaccount or None
    recipient = _recipient(request)
    found = await _of_recipient(serving, caller, recipient, types, (own or "",))
    if not found:
        raise not_found(_MISSING)
    await _write(serving, [Lifted(caller.account, own, mailbox_key(recipient), each) for each in types])
    return Response(status_code=204)


async def search(serving: Service, caller: Caller, request: Request) -> Response:
    """Return a page of the lists, from the entry written longest ago; `sort=desc` turns that round."""
    parameters = Parameters(request, KNOWN)
    paging = Paging(parameters, caller, (int, str, str, str, int))
    entries = _searched(serving, caller, parameters)
    newest_first = _order(parameters.text("sort") or "asc")
    *after, total = paging.place or (-1,)
    found = await ask(
        serving,
        lambda: serving.store.suppressions(
            entries,
            limit=paging.per_page + 1,
            after=tuple(after) if after else None,
            newest_first=newest_first,
        ),
    )
    page, more = found[: paging.per_page], len(found) > paging.per_page
    if total < 0:
        count = functools.partial(serving.store.count_suppressions, entries, limit=COUNTED)
        total = await ask(serving, count) if more else len(page)
    links = [{"href": paging.link(*place(page[-1]), total), "rel": "next"}] if more else []
    return await rendered(
        serving,
        lambda: {"results": [*map(suppression.view, page)], "links": links, "total_count": total},
    )


async def summary(serving: Service, caller: Caller, request: Request) -> Response:
    """Return how many entries the lists have, by where they come from."""
    Parameters(request, ())
    count = functools.partial(serving.store.suppression_sources, caller.account, _read(caller))
    found = await ask(serving, count)
    names = {source: source.lower().replace(" ", "_") for source in suppression.SOURCES}
    counts = {name: found.get(source, 0) for source, name in names.items()}
    return json_response({"results": counts | {"total": sum(found.values())}})


def _recipient(request: Request) -> str:
    recipient: str = request.path_params["recipient"]
    return recipient.strip()


def _read(caller: Caller) -> tuple[str, ...]:
    """Return the lists that are read."""
    if caller.subaccount is not None:
        return (caller.subaccount,)
    return ("", *caller.credential.account.subaccounts)


async def _of_recipient(
    serving: Service, caller: Caller, recipient: str, types: Sequence[str], lists: Sequence[str]
) -> list[Suppression]:
    return await serving.look(lambda: serving.store.suppressions_of(caller.account, lists, recipient, types))


async def _write(serving: Service, rows: Sequence[Row]) -> None:
    await serving.look(functools.partial(serving.store.record, rows, WRITTEN))


def _all_entries(serving: Service, caller: Caller, recipients: Sequence[Any]) -> list[Row]:
    rows: list[Row] = []
    for index, each in enumerate(recipients):
        try:
            rows += _entries(serving, caller, _named(each), each)
        except ValueError as error:
            who = each.get("recipient") if isinstance(each, dict) else each
            raise bad_request(
                f"PUT body contains 1 invalid or malformed recipient(s): {str(who)[:254]}",
                f"recipients[{index}]: {error}; nothing was written",
            ) from None
    return rows


def _named(each: Any) -> str:
    recipient = each.get("recipient", each.get("email")) if isinstance(each, dict) else None
    if not isinstance(recipient, str):
        raise ValueError("an entry is an object with a recipient")
    return recipient.strip()


def _entries(serving: Service, caller: Caller, recipient: str, body: dict[str, Any]) -> list[Row]:
    """Return the rows of an entry; ValueError, in words for whoever sent it."""
    if isinstance(body, Repeated):
        raise ValueError("an entry has a key twice")
    description = body.get("description") or ""
    if not isinstance(description, str):
        raise ValueError("description must be text")
    if body.get("list_id") is not None:
        raise ValueError("list_id is not supported: an entry holds for all mail of its type")
    own = caller.subaccount or None
    return [
        Renewal(
            suppression.entry(
                caller.account, own, recipient, kind, now=serving.now_ms(), description=description
            )
        )
        for kind in _types_of(body)
    ]


def _types_of(body: dict[str, Any]) -> tuple[str, ...]:
    """Return the types of an entry; the two booleans are how older programs say it."""
    kind = body.get("type")
    if kind is not None:
        return (str(kind),)
    flags = tuple(name for name in suppression.MAIL if body.get(name) is True)
    if not flags:
        raise ValueError("Must supply a suppression type")
    return flags


def _types(named: tuple[str, ...] | None) -> tuple[str, ...] | None:
    for kind in named or ():
        if kind not in suppression.TYPES:
            raise bad_request(f"Types must be of: {', '.join(map(repr, suppression.TYPES))}")
    return named


def _order(text: str) -> bool:
    if text not in ("asc", "desc"):
        raise bad_request("sort must be asc or desc")
    return text == "desc"


def _searched(serving: Service, caller: Caller, parameters: Parameters) -> Entries:
    domains = parameters.list("domain")
    description = parameters.text("description")
    return Entries(
        caller.account,
        None if caller.subaccount is None else (caller.subaccount,),
        types=_types(parameters.list("types")),
        sources=parameters.list("sources"),
        domains=domains and tuple(map(pattern, domains)),
        description=f"%{pattern(description)}%" if description else None,
        since=parameters.time("from", 0),
        until=parameters.time("to", serving.now_ms() + 1),
    )
