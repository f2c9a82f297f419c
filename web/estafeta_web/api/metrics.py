"""`GET /api/v1/metrics/deliverability`: SparkPost's metrics, counted from the events of a period.

    .../deliverability                   all together
    .../deliverability/time-series       by steps of `precision`, those without events as well
    .../deliverability/domain            by the recipients' domain
    .../deliverability/campaign          by campaign
    .../deliverability/bounce-reason     bounces by reason and class
    .../deliverability/rejection-reason  rejections by reason

`precision` rounds the period to whole steps, `from` down and `to` up, as SparkPost does. Steps are of UTC.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from estafeta_core.bounce_names import CATEGORIES, name_of
from estafeta_core.events import iso_time
from estafeta_core.store.deliverability import Counted, Grouping
from estafeta_core.store.event_filter import EventFilter
from estafeta_core.store.metric_queries import METRICS
from estafeta_web.access import Caller
from estafeta_web.api.asking import Answer, ask
from estafeta_web.api.events import DAY, common_filter
from estafeta_web.api.parameters import Parameters
from estafeta_web.api.problems import bad_request
from estafeta_web.api.rendering import rendered
from estafeta_web.service import Service

MINUTE = 60_000  # milliseconds
HOUR = 60 * MINUTE
STEPS = 5_000  # in one answer: a month has 744 hours, and 13 years have as many days
GROUPS = 1_000  # SparkPost's
MOST_GROUPS = 10_000  # SparkPost's

# Width of a step, and how long before 1970 one began: weeks are from Monday, 1970 began on a Thursday.
PRECISIONS = {
    "1min": (MINUTE, 0),
    "5min": (5 * MINUTE, 0),
    "15min": (15 * MINUTE, 0),
    "hour": (HOUR, 0),
    "12hr": (12 * HOUR, 0),
    "day": (DAY, 0),
    "week": (7 * DAY, 3 * DAY),
}

FILTERS = {
    "recipient_domains": "domains recipient_domains",
    "campaigns": "campaigns campaign_ids",
    "subaccounts": "subaccounts",
    "sending_domains": "sending_domains",
    "ip_pools": "ip_pools",
}
KNOWN = (*" ".join(FILTERS.values()).split(), "from", "to", "metrics", "precision")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked for."""

    account: str
    since: int
    until: int
    width: int
    shift: int
    names: tuple[str, ...]
    filter: EventFilter


async def total(serving: Service, caller: Caller, request: Request) -> Response:
    """Return the metrics of a period."""
    asked = _asked(serving, caller, Parameters(request, KNOWN), "1min")
    count = functools.partial(serving.store.metrics, asked.account, asked.since, asked.until, asked.filter)
    counted = await ask(serving, count)
    return await _told(serving, lambda: [_chosen(counted, asked)])


async def time_series(serving: Service, caller: Caller, request: Request) -> Response:
    """Return the metrics of each step of a period."""
    asked = _asked(serving, caller, Parameters(request, KNOWN), "hour")
    steps = range(asked.since, asked.until, asked.width)
    if len(steps) > STEPS:
        raise bad_request(f"the period has more than {STEPS} steps", "Ask for a coarser precision.")
    count = functools.partial(
        serving.store.metrics_by_time,
        *(asked.account, asked.since, asked.until, asked.filter),
        width=asked.width,
        shift=asked.shift,
        limit=STEPS,
    )
    counted = {each.key[0]: each for each in await ask(serving, count)}
    nothing = Counted((), dict.fromkeys(METRICS, 0))
    return await _told(
        serving,
        lambda: [_chosen(counted.get(step, nothing), asked) | {"ts": iso_time(step)} for step in steps],
    )


def by(grouping: Grouping, shown: Callable[[Counted], dict[str, Any]]) -> Answer:
    """Return what answers with the metrics of each group, `shown` naming the group."""

    async def answer(serving: Service, caller: Caller, request: Request) -> Response:
        parameters = Parameters(request, (*KNOWN, "limit"))
        asked = _asked(serving, caller, parameters, "1min")
        limit = parameters.number("limit", default=GROUPS, most=MOST_GROUPS)
        own = (grouping, asked.account, asked.since, asked.until, asked.filter)
        found = await ask(serving, lambda: serving.store.metrics_by(*own, limit=limit))
        return await _told(serving, lambda: [_chosen(each, asked) | shown(each) for each in found])

    return answer


def _bounce(counted: Counted) -> dict[str, Any]:
    reason, number = counted.key
    found = name_of(int(number or 0))
    return {
        "reason": reason,
        "classification_id": int(number or 1),
        "bounce_class_name": found.name,
        "bounce_category_id": CATEGORIES.index(found.category),
        "bounce_category_name": found.category,
    }


by_domain = by("domain", lambda counted: {"domain": counted.key[0] or ""})
by_campaign = by("campaign", lambda counted: {"campaign_id": counted.key[0] or ""})
by_bounce_reason = by("bounce_reason", _bounce)
by_rejection_reason = by("rejection_reason", lambda counted: {"reason": counted.key[0]})


def _asked(serving: Service, caller: Caller, parameters: Parameters, usual: str) -> _Asked:
    names = parameters.list("metrics") or tuple(METRICS)
    if unknown := set(names) - set(METRICS):
        raise bad_request(f"metrics has an unknown name: {min(unknown)[:64]}", f"Known: {', '.join(METRICS)}")
    precision = parameters.text("precision") or usual
    if precision not in PRECISIONS:
        raise bad_request(f"precision must be one of {', '.join(PRECISIONS)}")
    width, shift = PRECISIONS[precision]
    until = _rounded(parameters.time("to", serving.now_ms()) + width - 1, width, shift)
    since = _rounded(parameters.time("from", until - DAY), width, shift)
    if since >= until:
        raise bad_request("from must be before to")
    lists = {name: parameters.list(*words.split()) for name, words in FILTERS.items()}
    return _Asked(caller.account, since, until, width, shift, names, common_filter(caller, lists))


async def _told(serving: Service, results: Callable[[], list[dict[str, Any]]]) -> Response:
    return await rendered(serving, lambda: {"results": results(), "links": []})


def _rounded(time: int, width: int, shift: int) -> int:
    return (time + shift) // width * width - shift


def _chosen(counted: Counted, asked: _Asked) -> dict[str, Any]:
    return {name: counted.metrics[name] for name in asked.names}
