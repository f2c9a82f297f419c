import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from estafeta_core.dialects.teenvio import TEENVIO
from estafeta_core.store import Store, open_store
from estafeta_core.store.rows import Transmission
from estafeta_postfix.receipt import wording
from estafeta_postfix.receipt.wording import Finder, Wording
from estafeta_testing.stored import make_rows

QUEUED = b"250 2.0.0 Ok: queued as 4Xq"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/estafeta.db", timeout=2.0)
    yield opened
    opened.close()


def recorded(store: Store, dialect: str = "teenvio", queue_id: str = "4Xq") -> Transmission:
    transmission, *others = make_rows(queue_id=queue_id)
    assert isinstance(transmission, Transmission)
    transmission = replace(transmission, dialect=dialect)
    store.record([transmission, *others])
    return transmission


def answer(store: Finder, reply: bytes = QUEUED, since: int = 0) -> bytes:
    return asyncio.run(Wording(store, lambda: 0).receipt(reply, since))


def test_t41_the_receipt_is_that_of_the_transmission_postfix_names(store: Store) -> None:
    recorded(store, queue_id="4Xother")
    transmission = recorded(store)
    assert answer(store) == f"250 {TEENVIO.receipt(transmission.transmission_id)}".encode()
    assert answer(store).startswith(f"250 OK id={transmission.transmission_id} ".encode())


def test_a_provider_without_receipts_keeps_the_words_of_postfix(store: Store) -> None:
    recorded(store, "sparkpost")
    assert answer(store) == QUEUED


def test_t44_what_is_no_transmission_is_answered_without_a_receipt(store: Store) -> None:
    recorded(store, queue_id="4Xother")
    assert answer(store) == b"250 OK"


def test_a_queue_id_used_again_does_not_find_the_older_message(store: Store) -> None:
    transmission = recorded(store)
    latest = transmission.injection_time + wording.ROUNDING
    assert answer(store, since=latest) != b"250 OK"
    assert answer(store, since=latest + 1) == b"250 OK"


def test_a_queue_id_that_looks_like_a_transmission_id_does_not_find_that(store: Store) -> None:
    transmission = recorded(store)
    reply = f"250 2.0.0 Ok: queued as {transmission.transmission_id}".encode()
    assert answer(store, reply) == b"250 OK"


@pytest.mark.parametrize(
    "reply",
    [
        b"451 4.7.1 Service unavailable - try again later",
        b"553 Remitente no existente o no validado desde su plan de teenvio",
        b"550-first line\r\n550 second line",
        b"250 2.0.0 Ok",
        b"250 2.0.0 Ok: queued as 4Xq\r\n250 more",
    ],
)
def test_every_other_reply_is_passed_on(store: Store, reply: bytes) -> None:
    recorded(store)
    assert answer(store, reply) == reply


def test_without_the_store_the_words_of_postfix_are_the_answer(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recorded(store)
    (tmp_path / "estafeta.db").rename(tmp_path / "away")
    assert answer(store) == QUEUED
    assert "4Xq: accepted, and answered without its receipt" in caplog.text
    (tmp_path / "away").rename(tmp_path / "estafeta.db")
    assert answer(store) != QUEUED


class Slow:
    """A store on a disk that stands still."""

    def find_transmission(self, id_text: str) -> Transmission | None:
        time.sleep(0.5)
        return None


def test_a_store_that_does_not_answer_costs_the_receipt_and_no_more_time_than_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wording, "LOOK_UP", 0.05)
    assert answer(Slow()) == QUEUED
