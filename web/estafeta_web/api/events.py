"""`GET /api/v1/events/message`: what happened, newest first, as SparkPost's Events API shows it.

A page is asked for and rendered in pieces, each in its turn, and ends early where it grows too large. The
cursor is time and id of its last event, so whatever is recorded meanwhile shifts nothing: no event is seen
twice, and none that was there when the first page was asked for is left out.

`total_count` is counted with the first page and travels in the cursor. It ends at `COUNTED`; where even that
takes too long it says only that there is more than this page.
"""

import functools
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response

from estafeta_core import events
from estafeta_core.addresses import mailbox_key
from estafeta_core.events import view
from estafeta_core.store import AnswerTooLong, Search, Store
from estafeta_core.store.event_filter import EventFilter, pattern
from estafeta_core.store.reader import LATEST
from estafeta_web.access import Caller
from estafeta_web.api.asking import ask
from estafeta_web.api.paging import COUNTED, Paging
from estafeta_web.api.parameters import Parameters
from estafeta_web.api.problems import bad_request
from estafeta_web.api.rendering import JSON, encoded
from estafeta_web.service import Service

DAY = 24 * 60 * 60 * 1000  # milliseconds; as far back as SparkPost looks where `from` is not given
PIECE = 100  # events rendered at a time: two milliseconds of Python, for which a pixel may have to wait
PAGE_BYTES = 32 * 1024 * 1024  # 10,000 events have some 10 MB, unless their metadata is large

# SparkPost's types that never happen here. Programs name them, and find none.
_NEVER = (
    "generation_failure generation_rejection amp_open amp_initial_open "
    "relay_injection relay_delivery relay_rejection relay_tempfail relay_permfail"
)
TYPES = frozenset(events.ADDITIONAL) | frozenset(_NEVER.split())

FILTERS = {
    "events": "events",
    "recipients": "recipients",
    "recipient_domains": "recipient_domains",
    "campaigns": "campaigns campaign_ids",
    "transmissions": "transmissions transmission_ids",
    "messages": "messages message_ids",
    "event_ids": "event_ids",
    "subaccounts": "subaccounts",
    "bounce_classes": "bounce_classes",
    "reasons": "reasons reason",
    "subjects": "subjects subject",
    "from_addresses": "from_addresses friendly_froms",
    "sending_domains": "sending_domains",
    "ip_pools": "ip_pools",
}
KNOWN = (*" ".join(FILTERS.values()).split(), "from", "to", "per_page", "cursor")


@dataclass(frozen=True, slots=True)
class _Piece:
    """Rendered events; `last` is where a listing goes on after them."""

    events: list[bytes]
    last: tuple[int, int] | None
    more: bool


async def search(serving: Service, caller: Caller, request: Request) -> Response:
    """Return a page of the caller's events."""
    parameters = Parameters(request, KNOWN)
    paging = Paging(parameters, caller, (int, int, int))
    wanted = await ask(serving, functools.partial(_search, serving, caller, parameters))
    timestamp, event_id, total = paging.place or (0, 0, -1)
    cursor = (timestamp, event_id) if paging.place else None
    page, last, more = await _page(serving, wanted, paging.per_page, cursor)
    if total < 0:
        total = await _total(serving, wanted, len(page)) if more else len(page)
    links = {"next": paging.link(*last, total)} if more and last else {}
    ending = encoded({"total_count": total, "links": links})[1:]
    return Response(b'{"results":[' + b",".join(page) + b"]," + ending, media_type=JSON)


async def _page(
    serving: Service, wanted: Search, per_page: int, cursor: tuple[int, int] | None
) -> tuple[list[bytes], tuple[int, int] | None, bool]:
    """Return rendered events, where they end, and whether there are more."""
    page: list[bytes] = []
    size = 0
    while True:
        limit = min(PIECE, per_page - len(page))
        piece = await ask(serving, functools.partial(_piece, serving.store, wanted, limit, cursor))
        page += piece.events
        size += sum(map(len, piece.events))
        cursor = piece.last or cursor
        if not piece.more or len(page) >= per_page or size >= PAGE_BYTES:
            return page, cursor, piece.more


def _piece(store: Store, wanted: Search, limit: int, cursor: tuple[int, int] | None) -> _Piece:
    found = store.search(wanted, limit=limit + 1, cursor=cursor)
    shown = found[:limit]
    rendered = [encoded(view(each.event, each.transmission, each.message)) for each in shown]
    return _Piece(rendered, shown[-1].cursor if shown else None, more=len(found) > limit)


async def _total(serving: Service, wanted: Search, shown: int) -> int:
    """Return how many events there are; one more than are shown where that takes too long to find out."""

    def count() -> int:
        try:
            return serving.store.count(wanted, limit=COUNTED)
        except AnswerTooLong:
            return shown + 1

    return await ask(serving, count)


def _search(serving: Service, caller: Caller, parameters: Parameters) -> Search:
    """Return what is asked for; asks the store whose ids are whose."""
    lists = {name: parameters.list(*names.split()) for name, names in FILTERS.items()}
    transmissions = _transmissions(serving.store, caller, lists["transmissions"] or lists["messages"])
    event_ids = _numbers("event_ids", lists["event_ids"])
    now = serving.now_ms()
    until = parameters.time("to", now + 1)
    named = transmissions is not None or event_ids is not None
    since = parameters.time("from", 0 if named else until - DAY)
    if since >= until:
        raise bad_request("from must be before to")
    return Search(caller.account, since, until, transmissions, event_ids, _filter(caller, lists))


def _filter(caller: Caller, lists: dict[str, tuple[str, ...] | None]) -> EventFilter:
    recipients = lists["recipients"]
    types = lists["events"]
    if types and (unknown := set(types) - TYPES):
        raise bad_request(f"events has an unknown type: {min(unknown)[:64]}")
    return replace(
        common_filter(caller, lists),
        types=types,
        bounce_classes=lists["bounce_classes"],
        messages=_numbers("messages", lists["messages"]),
        recipients=recipients and tuple(map(mailbox_key, recipients)),
        reasons=_patterns(lists["reasons"]),
        subjects=_patterns(lists["subjects"]),
        from_addresses=_patterns(lists["from_addresses"]),
    )


def common_filter(caller: Caller, lists: dict[str, tuple[str, ...] | None]) -> EventFilter:
    """Return the filter that events and metrics have in common."""
    return EventFilter(
        subaccounts=_subaccounts(caller, lists["subaccounts"]),
        ip_pools=lists["ip_pools"],
        recipient_domains=_patterns(lists["recipient_domains"]),
        campaigns=_patterns(lists["campaigns"]),
        sending_domains=_patterns(lists["sending_domains"]),
    )


def _subaccounts(caller: Caller, named: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return the subaccounts to look at: those that are named, and the one that the caller keeps to."""
    wanted = named and tuple("" if name == "0" else name for name in named)
    if caller.subaccount is None:
        return wanted
    if wanted is None or caller.subaccount in wanted:
        return (caller.subaccount,)
    return ()


def _patterns(values: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return values and tuple(map(pattern, values))


def _numbers(name: str, values: tuple[str, ...] | None) -> tuple[int, ...] | None:
    for value in values or ():
        if not (value.isascii() and value.isdecimal() and len(value) < 20 and int(value) <= LATEST):
            raise bad_request(f"{name}: {value[:64]!r} is no id")
    return None if values is None else tuple(map(int, values))


def _transmissions(store: Store, caller: Caller, ids: tuple[str, ...] | None) -> tuple[int, ...] | None:
    """Return the caller's transmissions that these ids name, each by any of its names."""
    if ids is None:
        return None
    found = {store.asked_transmission(caller.account, each) for each in ids}
    return tuple(each for each in found if each is not None)
