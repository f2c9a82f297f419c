"""A table for each month: made ahead, filled from the default one, dropped when all of it is old."""

import datetime
from dataclasses import replace

import psycopg
import pytest

from estafeta_core.store import Store
from estafeta_core.store.postgresql import partitions
from estafeta_core.store.postgresql.connecting import connect
from estafeta_core.store.rows import Event, Forget, Message, TokenEvent
from estafeta_testing.postgresql import Cluster
from estafeta_testing.stored import look, make_rows

DECEMBER = datetime.date(2031, 12, 31)


def milliseconds(year: int, month: int, day: int = 1) -> int:
    return round(datetime.datetime(year, month, day, tzinfo=datetime.UTC).timestamp() * 1000)


def event(when: int, sequence: int = 0) -> Event:
    return Event(partitions.lowest_id(when) + sequence, "delivery", when, 1, 1, "acme", None)


def tables(url: str) -> set[str]:
    """Return the months that events are there for."""
    with connect(url, 5.0) as connection:
        return {name for name, _ in connection.execute(partitions._PARTITIONS).fetchall()}


def test_months_meet_and_each_is_a_calendar_month() -> None:
    found = list(partitions.months(DECEMBER))
    assert [name for name, _, _ in found] == [
        *("events_2031_12", "events_2032_01", "events_2032_02", "events_2032_03")
    ]
    assert [end for _, _, end in found[:-1]] == [first for _, first, _ in found[1:]]
    assert found[1][1] == partitions.lowest_id(milliseconds(2032, 1))


def test_a_new_store_has_this_month_and_the_next_three(store: Store, url: str) -> None:
    today = datetime.datetime.now(datetime.UTC).date()
    assert {name for name, _, _ in partitions.months(today)} | {"events_default"} == tables(url)
    store.record(make_rows())
    assert look(url, "SELECT count(*) FROM events_default") == [(0,)]


def test_a_month_takes_what_came_before_it_was_made_and_all_is_as_before(store: Store, url: str) -> None:
    first, last = event(milliseconds(2031, 12)), event(milliseconds(2032, 1) - 1)
    outside = event(milliseconds(2031, 11, 30))
    transmission, message, _ = make_rows()
    assert isinstance(message, Message)
    opened = TokenEvent(
        partitions.lowest_id(milliseconds(2031, 12, 5)), "click", 1, message.message_id, False
    )
    store.record([transmission, message, first, last, outside, opened])
    before = store.events()
    assert look(url, "SELECT count(*) FROM events_default") == [(4,)]
    with connect(url, 5.0) as connection:
        assert partitions.make_ahead(connection, DECEMBER)[0] == "events_2031_12"
        assert partitions.make_ahead(connection, DECEMBER) == []
    assert look(url, "SELECT event_id FROM events_default") == [(outside.event_id,)]
    assert store.events() == before
    with pytest.raises(Exception, match="unique constraint"):
        store.record([first])
    store.record([opened])
    assert store.events() == before


def test_a_month_is_dropped_once_everything_in_it_is_old(store: Store, url: str) -> None:
    with connect(url, 5.0) as connection:
        partitions.make_ahead(connection, DECEMBER)
    young = replace(event(milliseconds(2032, 1, 5)), timestamp=milliseconds(2032, 6))
    store.record([event(milliseconds(2031, 12, day), day) for day in range(1, 30)])
    store.record([young, event(milliseconds(2032, 1, 6)), event(milliseconds(2032, 2, 6))])
    store.record(
        [Forget("events", milliseconds(2031, 12, 20), 5)]
    )  # drops this year's months, which are empty
    store.record([Forget("events", milliseconds(2031, 12, 20), 5)])
    assert look(url, "SELECT count(*) FROM events_2031_12") == [
        (24,)
    ]  # a few at a time: not all of it is old
    store.record([Forget("events", milliseconds(2032, 3), 5)])
    left = tables(url)
    assert "events_2031_12" not in left  # at once
    assert "events_2032_02" not in left
    assert "events_2032_01" in left  # one of its events came late
    assert [each.event for each in store.events()][:1] == [young]
    while store.has_older("events", milliseconds(2032, 3)):
        store.record([Forget("events", milliseconds(2032, 3), 5)])
    assert [each.event for each in store.events()] == [young]


def test_the_month_that_is_being_written_is_not_dropped(store: Store, url: str) -> None:
    before = tables(url)
    store.record([Forget("events", milliseconds(2024, 2), 5)])
    assert tables(url) == before


def test_a_table_that_is_being_read_stays_and_nobody_waits_long(
    store: Store, url: str, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "PATIENCE", 50)
    with connect(url, 5.0) as connection:
        partitions.make_ahead(connection, DECEMBER)
    store.record([event(milliseconds(2031, 12))])
    with psycopg.connect(url) as reading:
        reading.execute("SELECT * FROM events").fetchall()
        store.record([Forget("events", milliseconds(2032, 1), 5)])
    assert "events_2031_12" in tables(url)
    assert look(url, "SELECT count(*) FROM events_2031_12") == [(0,)]
    store.record([Forget("events", milliseconds(2032, 1), 5)])
    assert "events_2031_12" not in tables(url)
