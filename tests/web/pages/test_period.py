"""Periods by name and by days, and their parts, without a gap and in every zone."""

import itertools
from datetime import date

import pytest

from estafeta_core.statistics import PERIODS
from estafeta_web.pages.period import LONGEST, Span, read

TODAY = date(2026, 11, 29)
HOUR = 3_600_000


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        ({}, "2026-11-29", "2026-11-29"),
        ({"period": "today"}, "2026-11-29", "2026-11-29"),
        ({"period": "week"}, "2026-11-23", "2026-11-29"),
        ({"period": "month"}, "2026-10-30", "2026-11-29"),
        ({"period": "year"}, "2025-11-30", "2026-11-29"),
        ({"from": "2026-11-01", "to": "2026-11-20"}, "2026-11-01", "2026-11-20"),
        ({"from": "2026-11-01"}, "2026-11-01", "2026-11-29"),
        ({"to": "2026-11-20"}, "2026-11-20", "2026-11-20"),
        ({"from": "2026-11-01", "to": "2026-11-20", "period": "week"}, "2026-11-01", "2026-11-20"),
    ],
)
def test_d20_a_period_has_a_name_or_two_days(query: dict[str, str], first: str, last: str) -> None:
    span = read(query, TODAY)
    assert (span.first.isoformat(), span.last.isoformat()) == (first, last)


@pytest.mark.parametrize(
    "query",
    [
        {"period": "decade"},
        {"from": "x", "to": "2026-11-20"},
        {"from": "2026-11-21", "to": "2026-11-20"},
        {"from": "0001-01-01", "to": "0001-01-01"},
        {"from": "9999-12-31", "to": "9999-12-31"},
        {"from": "2000-01-01", "to": "2026-01-01"},
        {"from": "2026-11-30"},
    ],
)
def test_what_is_no_period_is_a_value_error(query: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"period|isoformat"):
        read(query, TODAY)


@pytest.mark.parametrize("name", PERIODS)
def test_the_parts_follow_each_other_from_begin_to_end(name: str, madrid: None) -> None:
    span = read({"period": name}, TODAY)
    slots = span.slots()
    assert (slots[0].begin, slots[-1].end) == (span.begin, span.end)
    assert all(one.end == other.begin for one, other in itertools.pairwise(slots))
    assert len({slot.name for slot in slots}) == len(slots)


@pytest.mark.parametrize(
    ("first", "last", "unit", "count"),
    [
        ("2026-11-29", "2026-11-29", "hour", 24),
        ("2026-03-29", "2026-03-29", "hour", 23),
        ("2026-10-25", "2026-10-25", "hour", 25),
        ("2026-11-28", "2026-11-29", "hour", 48),
        ("2026-10-01", "2026-10-31", "day", 31),
        ("2024-11-30", "2026-11-29", "month", 25),
    ],
)
def test_a_time_is_divided_as_finely_as_can_be_read(
    first: str, last: str, unit: str, count: int, madrid: None
) -> None:
    span = Span(None, date.fromisoformat(first), date.fromisoformat(last))
    assert (span.unit, len(span.slots())) == (unit, count)


def test_a_day_has_as_many_hours_as_it_has(madrid: None) -> None:
    slots = Span(None, date(2026, 10, 1), date(2026, 10, 31)).slots()
    hours = {slot.name: (slot.end - slot.begin) // HOUR for slot in slots}
    assert hours.pop("2026-10-25") == 25
    assert set(hours.values()) == {24}


def test_the_longest_period_has_parts_for_a_chart() -> None:
    span = read({"from": "2016-11-29", "to": "2026-11-29"}, TODAY)
    assert (span.last - span.first).days < LONGEST
    assert len(span.slots()) == 121
