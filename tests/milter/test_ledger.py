from typing import Any

import pytest

from estafeta_core.headers import Header
from estafeta_core.identity import Identity
from estafeta_core.ids import IdSource
from estafeta_core.options import Options
from estafeta_core.store.rows import Event, Message, Row, Transmission
from estafeta_milter import ledger
from estafeta_testing.office import FROM, make_job, make_message

ALICE, BOB = "Alice@Example.net", "bob@example.net"


def rows(*, subject: bytes = b"Hi", suppressed: frozenset[str] = frozenset(), **job: Any) -> list[Row]:
    accepted = ledger.Accepted(
        queue_id="4Xq",
        listener="submission",
        dialect="sparkpost",
        friendly_from="news@acme.example",
        transmission_id=1,
        message_ids={ALICE: 2, BOB: 3},
        suppressed=suppressed,
        tags_counted=False,
        time=1_700_000_000_000,
    )
    final = make_message(headers=(FROM, Header("Subject", subject)), body=b"Hello\r\n")
    return ledger.rows(accepted, final, make_job(**job), IdSource())


def transmission(**changed: Any) -> Transmission:
    first = rows(**changed)[0]
    assert isinstance(first, Transmission)
    return first


def test_every_recipient_is_counted_and_injected() -> None:
    written = rows()
    assert [row for row in written if isinstance(row, Message)] == [
        Message(2, 1, "alice@example.net", ALICE),
        Message(3, 1, "bob@example.net", BOB),
    ]
    events = [row for row in written if isinstance(row, Event)]
    assert [(event.type, event.message_id, event.timestamp) for event in events] == [
        ("injection", 2, 1_700_000_000_000),
        ("injection", 3, 1_700_000_000_000),
    ]
    assert len({event.event_id for event in events}) == 2


def test_a_suppressed_recipient_has_a_bounce_of_class_25_as_well() -> None:
    events = [row for row in rows(suppressed=frozenset({BOB})) if isinstance(row, Event)]
    assert [(event.type, event.message_id) for event in events] == [
        ("injection", 2),
        ("injection", 3),
        ("bounce", 3),
    ]
    assert events[-1].data["bounce_class"] == "25"


def test_the_transmission_says_what_was_asked() -> None:
    options = Options(
        campaign_id="spring", metadata={"a": [1]}, tags=("x",), open_tracking=True, transactional=True
    )
    written = transmission(options=options, identity=Identity("acme", "main", "123"), customer_id="77")
    assert written == Transmission(
        transmission_id=1,
        queue_id="4Xq",
        account="acme",
        credential="main",
        subaccount="123",
        dialect="sparkpost",
        listener="submission",
        customer_id="77",
        injection_time=1_700_000_000_000,
        msg_from="app@acme.example",
        friendly_from="news@acme.example",
        subject="Hi",
        msg_size=len(b"From: News <news@acme.example>\r\nSubject: Hi\r\n\r\nHello\r\n"),
        campaign_id="spring",
        metadata={"a": [1]},
        tags=("x",),
        open_tracking=True,
        click_tracking=False,
        initial_pixel=True,
        transactional=True,
    )


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"=?utf-8?q?Ma=C3=B1ana?=", "Mañana"),
        (b"a\n\tb", "a b"),
        ("Mañana".encode(), "Mañana"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"x" * 3000, "x" * 998),
    ],
)
def test_the_subject_is_kept_as_a_person_reads_it(written: bytes, shown: str) -> None:
    assert transmission(subject=written).subject == shown
