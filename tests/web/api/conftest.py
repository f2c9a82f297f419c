"""A service with something to ask for, and a client with a key."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from estafeta_core.store.rows import Event, Message, Row, Transmission
from estafeta_testing.site import KEYS, Site
from estafeta_testing.stored import IDS, make_rows

Ask = Callable[..., httpx2.Response]


@pytest.fixture
def ask(site: Site) -> Ask:
    """Return a function that asks the service with a key of acme's."""

    def ask(
        path: str, method: str = "GET", key: str = KEYS["main"], subaccount: str | None = None, **more: Any
    ) -> httpx2.Response:
        headers = {"Authorization": key} | ({"X-MSYS-SUBACCOUNT": subaccount} if subaccount else {})
        return site.http.request(method, path, headers=headers, **more)

    return ask


def told(rows: list[Row], kind: str, later: int = 1, **data: Any) -> list[Event]:
    """Return an event of this kind for each copy of a message, so many milliseconds after its injection."""
    transmission = rows[0]
    assert isinstance(transmission, Transmission)
    return [
        Event(
            IDS.next(),
            kind,
            transmission.injection_time + later,
            transmission.transmission_id,
            row.message_id,
            transmission.account,
            transmission.subaccount,
            data,
        )
        for row in rows
        if isinstance(row, Message)
    ]


def changed(rows: list[Row], **fields: Any) -> list[Row]:
    """Return the rows of a message with other fields of its transmission, in its events as well."""
    of_events = {name: value for name, value in fields.items() if name in ("subaccount", "account")}
    made: list[Row] = []
    for row in rows:
        if isinstance(row, Transmission):
            made.append(dataclasses.replace(row, **fields))
        elif isinstance(row, Event):
            moment = fields.get("injection_time", row.timestamp)
            made.append(dataclasses.replace(row, timestamp=moment, **of_events))
        else:
            made.append(row)
    return made


def sent(site: Site, *recipients: str, **fields: Any) -> list[Row]:
    """Record a message of a minute ago and return its rows."""
    fields.setdefault("injection_time", time.time_ns() // 1_000_000 - 60_000)
    rows = changed(make_rows(*recipients), **fields)
    site.store.record(rows)
    return rows


@pytest.fixture
def tell() -> tuple[Callable[..., list[Row]], Callable[..., list[Event]]]:
    """Return what records a message, and what makes the events that happen to it."""
    return sent, told
