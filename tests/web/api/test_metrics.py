"""GET /api/v1/metrics/deliverability over HTTP."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from estafeta_core.store.metric_queries import METRICS
from estafeta_testing.site import Site

Ask = Callable[..., httpx2.Response]
PATH = "/api/v1/metrics/deliverability"
HOUR = 3_600_000
NOON = 1_795_179_600_000  # 2026-11-20T13:00:00Z


@pytest.fixture
def filled(site: Site, tell: Any) -> None:
    """Two messages at 13:00 and 14:30 on a Friday, one delivered, one bounced and complained about."""
    sent, told = tell
    first = sent(site, "a@x.example", injection_time=NOON, campaign_id="summer")
    site.store.record(told(first, "delivery", 10, num_retries="0", queue_time="7"))
    second = sent(site, "b@y.example", injection_time=NOON + HOUR * 3 // 2, subaccount="123")
    site.store.record(told(second, "bounce", 10, bounce_class="51", reason="554 Spam"))
    site.store.record(told(second, "policy_rejection", 11, reason="first only"))


def results(answer: httpx2.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


FRIDAY = "from=2026-11-20T00:00&to=2026-11-21T00:00"
TWO = "metrics=count_delivered,count_bounce"


@pytest.mark.parametrize(
    ("query", "delivered", "bounced"),
    [
        (FRIDAY, 1, 1),
        ("from=2026-11-20T13:00&to=2026-11-20T14:00", 1, 0),
        ("from=2026-11-20T08:00&to=2026-11-20T09:00&timezone=America/New_York", 1, 0),
        ("from=2026-11-20T13:20&to=2026-11-20T13:40", 0, 0),
        ("from=2026-11-20T13:20&to=2026-11-20T14:10&precision=hour", 1, 1),
        ("from=2026-11-19T13:20&to=2026-11-20T00:10&precision=day", 1, 1),
        (f"{FRIDAY}&campaigns=summer", 1, 0),
        (f"{FRIDAY}&domains=y.example", 0, 1),
        (f"{FRIDAY}&subaccounts=123", 0, 1),
        (f"{FRIDAY}&sending_domains=acme.example", 1, 1),
    ],
)
def test_events_of_a_period_are_counted(
    ask: Ask, filled: None, query: str, delivered: int, bounced: int
) -> None:
    expected = [{"count_delivered": delivered, "count_bounce": bounced}]
    assert results(ask(f"{PATH}?{TWO}&{query}")) == expected


def test_without_names_every_metric_is_told(ask: Ask, filled: None) -> None:
    [found] = results(ask(f"{PATH}?{FRIDAY}"))
    assert set(found) == set(METRICS)
    assert found["count_block_bounce"] == 1
    assert found["total_delivery_time_first"] == 7


def test_a_key_kept_to_a_subaccount_counts_nothing_else(ask: Ask, filled: None) -> None:
    assert results(ask(f"{PATH}?{TWO}&{FRIDAY}", subaccount="123")) == [
        {"count_delivered": 0, "count_bounce": 1}
    ]


def test_a_series_has_every_step(ask: Ask, filled: None) -> None:
    query = "from=2026-11-20T12:30&to=2026-11-20T15:30&metrics=count_injected"
    assert results(ask(f"{PATH}/time-series?{query}&precision=hour")) == [
        {"count_injected": 0, "ts": "2026-11-20T12:00:00.000Z"},
        {"count_injected": 1, "ts": "2026-11-20T13:00:00.000Z"},
        {"count_injected": 1, "ts": "2026-11-20T14:00:00.000Z"},
        {"count_injected": 0, "ts": "2026-11-20T15:00:00.000Z"},
    ]
    [week] = results(ask(f"{PATH}/time-series?{query}&precision=week"))
    assert week == {"count_injected": 2, "ts": "2026-11-16T00:00:00.000Z"}


def test_metrics_are_told_by_what_events_share(ask: Ask, filled: None) -> None:
    query = f"{TWO}&{FRIDAY}"
    assert results(ask(f"{PATH}/domain?{query}")) == [
        {"count_delivered": 0, "count_bounce": 1, "domain": "y.example"},
        {"count_delivered": 1, "count_bounce": 0, "domain": "x.example"},
    ]
    assert [each["campaign_id"] for each in results(ask(f"{PATH}/campaign?{query}"))] == ["spring", "summer"]
    assert len(results(ask(f"{PATH}/campaign?{query}&limit=1"))) == 1
    assert results(ask(f"{PATH}/bounce-reason?{FRIDAY}&metrics=count_bounce")) == [
        {
            "count_bounce": 1,
            "reason": "554 Spam",
            "classification_id": 51,
            "bounce_class_name": "Spam Block",
            "bounce_category_id": 3,
            "bounce_category_name": "Block",
        }
    ]
    rejected = results(ask(f"{PATH}/rejection-reason?{FRIDAY}&metrics=count_rejected"))
    assert rejected == [{"count_rejected": 1, "reason": "first only"}]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("metrics=count_everything", "metrics has an unknown name: count_everything"),
        ("precision=month", "precision must be one of"),
        ("from=2026-01-02&to=2026-01-01", "from must be before to"),
        ("templates=a", "Unknown parameter 'templates'"),
    ],
)
@pytest.mark.parametrize("path", [PATH, f"{PATH}/time-series", f"{PATH}/domain"])
def test_what_makes_no_sense_is_refused(ask: Ask, path: str, query: str, expected: str) -> None:
    answer = ask(f"{path}?{query}")
    assert answer.status_code == 400
    assert expected in answer.json()["errors"][0]["message"]


def test_a_series_of_too_many_steps_is_refused(ask: Ask) -> None:
    answer = ask(f"{PATH}/time-series?from=2020-01-01&precision=1min")
    assert answer.status_code == 400
    assert "more than 5000 steps" in answer.json()["errors"][0]["message"]
