from typing import Any

import pytest

from estafeta_core.headers import Header
from estafeta_core.identity import Identity
from estafeta_core.ids import IdSource
from estafeta_core.options import Options
from estafeta_core.recipients import KINDS, Kind, Recipient
from estafeta_core.store.rows import Count, Event, Message, Row, Tag, Transmission
from estafeta_milter import ledger
from estafeta_testing.office import FROM, make_job, make_message

ALICE, BOB = "Alice@Example.net", "bob@example.net"


def rows(
    *,
    recipients: tuple[Recipient, ...] = (Recipient(ALICE), Recipient(BOB)),
    subject: bytes = b"Hi",
    suppressed: frozenset[str] = frozenset(),
    left_out: frozenset[str] = frozenset(),
    warnings: tuple[str, ...] = (),
    tags_counted: bool = False,
    **job: Any,
) -> list[Row]:
    accepted = ledger.Accepted(
        queue_id="4Xq",
        listener="submission",
        dialect="sparkpost",
        friendly_from="news@acme.example",
        transmission_id=1,
        recipients=recipients,
        message_ids={ALICE: 2, BOB: 3},
        suppressed=suppressed,
        left_out=left_out,
        warnings=warnings,
        tags_counted=tags_counted,
        time=1_700_000_000_000,
        language="gl",
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
    found = [row for row in written if isinstance(row, Event)]
    assert [(event.type, event.message_id, event.timestamp) for event in found] == [
        ("injection", 2, 1_700_000_000_000),
        ("injection", 3, 1_700_000_000_000),
    ]
    assert len({event.event_id for event in found}) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_s50_s51_each_kind_of_recipient_is_told_in_the_one_transmission(kind: Kind) -> None:
    (message,) = (row for row in rows(recipients=(Recipient(ALICE, kind),)) if isinstance(row, Message))
    assert (message.rcpt_type, message.transmission_id) == (kind, 1)


def events(**changed: Any) -> list[Event]:
    return [row for row in rows(**changed) if isinstance(row, Event)]


def test_a_suppressed_recipient_has_a_bounce_of_class_25_as_well() -> None:
    found = events(suppressed=frozenset({BOB}))
    assert [(event.type, event.message_id) for event in found] == [
        ("injection", 2),
        ("injection", 3),
        ("bounce", 3),
    ]
    assert found[-1].data["bounce_class"] == "25"


def test_d14_a_recipient_who_is_left_out_has_a_policy_rejection_and_was_not_injected() -> None:
    found = events(left_out=frozenset({BOB}))
    assert [(event.type, event.message_id) for event in found] == [("injection", 2), ("policy_rejection", 3)]
    assert found[-1].data["reason"] == "A message goes to its first recipient only"


def test_a_test_is_told_as_one_with_what_the_sender_should_know() -> None:
    found = events(left_out=frozenset({ALICE, BOB}), warnings=("one",), options=Options(test=True))
    assert [(event.type, event.message_id, event.data.get("reason")) for event in found] == [
        ("policy_rejection", 2, "The message is a test and is sent to nobody"),
        ("warning", 2, "one"),
        ("policy_rejection", 3, "The message is a test and is sent to nobody"),
        ("warning", 3, "one"),
    ]


def test_a_warning_is_an_event_of_everybody_who_is_sent_to() -> None:
    found = events(suppressed=frozenset({BOB}), warnings=("one", "two"))
    assert [(event.type, event.message_id, event.data.get("reason")) for event in found[:3]] == [
        ("injection", 2, None),
        ("warning", 2, "one"),
        ("warning", 2, "two"),
    ]
    assert [event.type for event in found[3:]] == ["injection", "bounce"]


@pytest.mark.parametrize(("counted", "kept"), [(True, [Tag("acme", "x"), Tag("acme", "y")]), (False, [])])
def test_s20_tags_are_kept_of_accounts_that_may_have_so_many(counted: bool, kept: list[Row]) -> None:
    written = rows(tags_counted=counted, options=Options(tags=("x", "y")))
    assert [row for row in written if isinstance(row, Tag)] == kept


def test_the_transmission_says_what_was_asked() -> None:
    options = Options(
        campaign_id="spring",
        metadata={"a": [1]},
        tags=("x",),
        open_tracking=True,
        initial_open_pixel=True,
        transactional=True,
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
        language="gl",
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


def test_a_message_is_counted_by_its_copies_and_each_recipient_by_what_names_him() -> None:
    everybody = (Recipient("a@b.c"), Recipient("d@b.c"), Recipient("e@b.c", "bcc"), Recipient("f@b.c", "cc"))
    assert ledger.counts(everybody, "differ") == [
        Count("messages", "differ"),
        Count("recipients", "to", 2),
        Count("recipients", "bcc"),
        Count("recipients", "cc"),
    ]
