"""A credential is suspended when too much of its mail comes back: the arithmetic, and how it is told."""

import contextlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from estafeta_core.config.accounts import Account, Credential, SuspendAt
from estafeta_core.directory import Directory
from estafeta_core.store import Store, open_store
from estafeta_core.store.reputation import Outcome
from estafeta_core.store.rows import Event, Message, Row
from estafeta_core.store.standing_rows import Suspension, SuspensionLifted
from estafeta_postfix.suspender import Suspender, exceeded, words
from estafeta_testing.stored import IDS, make_rows

LIMITS = SuspendAt(minimum=10)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(open_store(f"sqlite:///{tmp_path}/estafeta.db")) as opened:
        yield opened


def directory(limits: SuspendAt | None = LIMITS, name: str = "main") -> Directory:
    credentials = {name: Credential(username=name)}
    return Directory(
        [Account(account="acme", dialect="sparkpost", credentials=credentials, suspend_at=limits)]
    )


def mailing(recipients: int, complaints: int) -> list[Row]:
    """Return a message to so many, of whom so many complain."""
    rows = make_rows(*(f"r{number}@example.net" for number in range(recipients)))
    messages = [row for row in rows if isinstance(row, Message)]
    told = [("delivery", each) for each in messages]
    told += [("spam_complaint", each) for each in messages[:complaints]]
    now = time.time_ns() // 1_000_000
    events = [
        Event(IDS.next(), kind, now, each.transmission_id, each.message_id, "acme", None)
        for kind, each in told
    ]
    return [*rows, *events]


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]


@pytest.mark.parametrize(
    ("limits", "outcome", "reason"),
    [
        ({}, Outcome(0, 0, 0), None),
        ({}, Outcome(199, 199, 199), None),  # below the minimum nothing is said
        ({}, Outcome(200, 0, 0), None),
        ({}, Outcome(200, 1, 0), "complaint_rate"),
        ({}, Outcome(1000, 3, 0), None),  # at the limit is not above it
        ({}, Outcome(1000, 4, 0), "complaint_rate"),
        ({}, Outcome(200, 0, 20), None),
        ({}, Outcome(200, 0, 21), "bounce_rate"),
        ({}, Outcome(200, 9, 99), "complaint_rate"),  # the worse of the two
        ({"minimum": 1}, Outcome(1, 1, 0), "complaint_rate"),
        ({"minimum": 201}, Outcome(200, 200, 0), None),
        ({"complaint_rate": 0}, Outcome(200, 200, 0), None),  # not looked at
        ({"complaint_rate": 0}, Outcome(200, 200, 21), "bounce_rate"),
        ({"bounce_rate": 0}, Outcome(200, 0, 200), None),
        ({"bounce_rate": 0.5}, Outcome(200, 0, 100), None),
        ({"bounce_rate": 0.5}, Outcome(200, 0, 101), "bounce_rate"),
        ({"complaint_rate": 1}, Outcome(200, 200, 0), None),
    ],
)
def test_a_rate_above_its_limit_suspends(
    limits: dict[str, Any], outcome: Outcome, reason: str | None
) -> None:
    assert exceeded(SuspendAt(**limits), outcome) == reason


@pytest.mark.parametrize(
    ("reason", "counts", "text"),
    [
        ("complaint_rate", (200, 1, 150), "complaints 0.5 %"),
        ("complaint_rate", (3000, 10, 0), "complaints 0.33 %"),
        ("bounce_rate", (200, 1, 21), "bounces 10.5 %"),
        ("bounce_rate", (10, 0, 10), "bounces 100 %"),
    ],
)
def test_a_suspension_says_why(reason: Any, counts: tuple[int, int, int], text: str) -> None:
    assert words(Suspension("acme", "main", 1, None, reason, *counts)) == text


def test_e15_it_is_written_and_told_once(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    suspender = Suspender(store, directory)
    store.record(mailing(40, 0))
    suspender.look()
    assert store.suspended() == {}
    store.record(mailing(10, 5))
    for _ in range(3):
        suspender.look()
    (written,) = store.suspended().values()
    assert (written.reason, written.recipients, written.complaints) == ("complaint_rate", 50, 5)
    (told,) = errors(caplog)
    assert told == (
        "acme/main: suspended by itself: complaints 10 %, above 0.3 %"
        " (50 recipients, 5 complaints, 0 bounces in 24 hours); estafeta key activate acme/main lifts it"
    )


def test_after_it_was_lifted_it_comes_again_for_new_mail_only(store: Store) -> None:
    suspender = Suspender(store, directory)
    store.record(mailing(10, 5))
    suspender.look()
    store.record([SuspensionLifted("acme", "main", time.time_ns() // 1_000_000)])
    time.sleep(0.01)
    store.record(mailing(9, 9))
    suspender.look()
    assert store.suspended() == {}
    store.record(mailing(1, 0))
    suspender.look()
    assert [each.recipients for each in store.suspended().values()] == [10]


@pytest.mark.parametrize(
    "accounts",
    [directory(None), directory(name="another")],
    ids=["not asked for", "credential deleted"],
)
def test_nobody_is_suspended_where_there_is_nobody_to_suspend(store: Store, accounts: Directory) -> None:
    store.record(mailing(10, 10))
    Suspender(store, lambda: accounts).look()
    assert store.suspended() == {}


def test_only_the_window_is_looked_at(store: Store) -> None:
    store.record(mailing(10, 10))
    two_hours = time.time() + 7200
    Suspender(store, lambda: directory(SuspendAt(minimum=10, window_hours=1)), lambda: two_hours).look()
    assert store.suspended() == {}
    Suspender(store, lambda: directory(SuspendAt(minimum=10, window_hours=3)), lambda: two_hours).look()
    assert list(store.suspended()) == ["acme/main"]


def test_while_the_store_is_away_the_thread_goes_on_and_says_so_once(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("estafeta_postfix.suspender.EVERY", 0.02)
    monkeypatch.setattr("estafeta_postfix.suspender.SHARE", 1.0)
    store.record(mailing(10, 5))
    file = tmp_path / "estafeta.db"
    away = file.rename(tmp_path / "away.db")
    suspender = Suspender(store, directory)
    suspender.start()
    time.sleep(0.3)
    assert [text.partition(",")[0] for text in errors(caplog)] == ["nobody is suspended meanwhile"]
    away.rename(file)
    deadline = time.monotonic() + 5
    while not store.suspended() and time.monotonic() < deadline:
        time.sleep(0.02)
    suspender.stop(5)
    assert list(store.suspended()) == ["acme/main"]
