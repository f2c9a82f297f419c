"""The rows of a statistics page, with the numbers of Devino's own, and the same as SparkPost's metrics."""

from dataclasses import fields
from datetime import date

import pytest

from estafeta_core.dialects import DIALECTS
from estafeta_core.statistics import PERIODS, Period, first_day, metrics, percent, rows, state
from estafeta_core.store import Fate

NOTHING = dict.fromkeys((field.name for field in fields(Fate)), False)


def fate(*signs: str) -> Fate:
    return Fate(**NOTHING | dict.fromkeys(signs, True))


# Devino's example: 3985 delivered, 693 of them read, clicked in 10; 1040 errors; 942 rejected.
EXAMPLE = {
    fate("delivered"): 3290,
    fate("delivered", "opened"): 685,
    fate("delivered", "opened", "clicked"): 8,
    fate("delivered", "clicked"): 2,
    fate("bounced", "failed"): 1000,
    fate("delivered", "returned", "failed"): 40,
    fate("suppressed", "failed"): 900,
    fate("left_out"): 42,
}


def test_d21_the_numbers_and_percents_are_those_of_devinos_page() -> None:
    assert [(row.name, row.count, row.percent) for row in rows(EXAMPLE)] == [
        ("charged", 5025, 84.21),
        ("sending", 0, 0),
        ("sent", 0, 0),
        ("delivered", 3985, 66.78),
        ("read", 693, 11.61),
        ("click", 10, 0.17),
        ("delivery errors", 1040, 17.43),
        ("rejected", 942, 15.79),
        ("unsubscribed", 0, None),
        ("total", 5967, 100),
    ]


def test_d21_devino_has_a_name_for_every_row() -> None:
    assert list(DIALECTS["devino"].statistics_names) == [row.name for row in rows({})]


def test_a_period_without_messages_is_a_page_of_zeros() -> None:
    assert {(row.count, row.percent) for row in rows({}) if row.name != "unsubscribed"} == {(0, 0)}


@pytest.mark.parametrize(
    ("signs", "expected"),
    [
        ((), "sending"),
        (("opened",), "sent"),
        (("clicked",), "sent"),
        (("unsubscribed",), "sent"),
        (("proxied",), "sent"),  # it was there, whoever looked
        (("prefetched",), "sent"),
        (("scanned",), "sent"),
        (("delivered",), "delivered"),
        (("delivered", "opened"), "delivered"),
        (("delivered", "bounced"), "delivered"),  # the bounce came first
        (("delivered", "returned", "failed", "opened"), "delivery errors"),
        (("bounced", "failed"), "delivery errors"),
        (("suppressed", "failed"), "rejected"),
        (("left_out",), "rejected"),
    ],
)
def test_a_copy_is_counted_by_its_latest_state(signs: tuple[str, ...], expected: str) -> None:
    assert state(fate(*signs)) == expected
    counts = {row.name: row.count for row in rows({fate(*signs): 1})}
    assert counts[expected] == counts["total"] == 1
    assert counts["charged"] == (0 if expected == "rejected" else 1)
    assert (
        sum(counts[name] for name in ("sending", "sent", "delivered", "delivery errors")) == counts["charged"]
    )


def test_whoever_unsubscribed_is_counted_without_a_percent() -> None:
    (row,) = (
        row for row in rows({fate("delivered", "unsubscribed"): 3, fate(): 7}) if row.name == "unsubscribed"
    )
    assert (row.count, row.percent) == (3, None)


def test_metrics_add_up_as_sparkpost_says() -> None:
    found = metrics(EXAMPLE)
    assert found == {
        "count_targeted": 5967,
        "count_injected": 5925,
        "count_rejected": 42,
        "count_policy_rejection": 42,
        "count_sent": 5025,
        "count_delivered": 4025,
        "count_accepted": 3985,
        "count_bounce": 1040,
        "count_inband_bounce": 1000,
        "count_outofband_bounce": 40,
        "count_admin_bounce": 900,
        "count_unique_rendered": 693,
        "count_nonprefetched_unique_rendered": 693,
        "count_unique_clicked": 10,
        "count_raw_clicked": 10,
        "count_unique_confirmed_opened": 695,
        "count_nonprefetched_unique_confirmed_opened": 695,
        "count_unsubscribe": 0,
    }
    assert found["count_targeted"] == found["count_injected"] + found["count_rejected"]
    assert found["count_sent"] == found["count_delivered"] + found["count_inband_bounce"]


@pytest.mark.parametrize(
    ("sign", "row", "counted"),
    [
        ("opened", "read", {"rendered", "nonprefetched_rendered"}),
        ("proxied", None, {"rendered", "nonprefetched_rendered"}),
        ("prefetched", None, {"rendered"}),
        ("clicked", "click", {"clicked", "raw"}),
        ("scanned", None, {"raw"}),
    ],
)
def test_h7_people_alone_read_and_click(sign: str, row: str | None, counted: set[str]) -> None:
    fates = {fate("delivered", sign): 1}
    counts = {each.name: each.count for each in rows(fates)}
    assert {name for name in ("read", "click") if counts[name]} == ({row} if row else set())
    found = metrics(fates)
    names = {
        "rendered": "count_unique_rendered",
        "nonprefetched_rendered": "count_nonprefetched_unique_rendered",
        "clicked": "count_unique_clicked",
        "raw": "count_raw_clicked",
    }
    assert {short for short, name in names.items() if found[name]} == counted


@pytest.mark.parametrize(
    ("count", "total", "expected"),
    [
        (0, 0, 0),
        (0, 7, 0),
        (7, 7, 100),
        (1, 3, 33.33),
        (2, 3, 66.67),
        (1, 20_000, 0.01),
        (1, 20_001, 0),
        (1, 800, 0.13),
    ],
)
def test_a_percent_has_two_decimals_and_a_half_goes_up(count: int, total: int, expected: float) -> None:
    assert percent(count, total) == expected


@pytest.mark.parametrize(
    ("period", "today", "expected"),
    [
        ("today", "2026-11-20", "2026-11-20"),
        ("week", "2026-11-20", "2026-11-14"),
        ("month", "2026-11-20", "2026-10-21"),
        ("month", "2026-03-31", "2026-03-01"),
        ("month", "2028-03-30", "2028-03-01"),
        ("3months", "2026-01-15", "2025-10-16"),
        ("6months", "2026-11-20", "2026-05-21"),
        ("year", "2026-11-20", "2025-11-21"),
        ("year", "2028-02-29", "2027-03-01"),
    ],
)
def test_d20_a_period_is_so_many_days_today_included(period: Period, today: str, expected: str) -> None:
    assert first_day(period, date.fromisoformat(today)) == date.fromisoformat(expected)


def test_d20_there_are_the_periods_of_devinos_page() -> None:
    assert PERIODS == ("today", "week", "month", "3months", "6months", "year")
