"""The events of a message that is refused for good."""

import logging
from typing import Any

import pytest

from estafeta_core.events import view
from estafeta_core.headers import Header
from estafeta_core.ids import IdSource
from estafeta_core.refusal import Refusal
from estafeta_core.store import Occurrence
from estafeta_core.store.rows import Event
from estafeta_milter import rejection
from estafeta_testing.office import ACME, FROM, Office, make_message
from estafeta_testing.sandbox import wait_for

ALICE, BOB = "Alice@Example.net", "bob@example.net"
FOREIGN = (Header("From", b"News <news@stranger.example>"), Header("Subject", b"=?utf-8?q?Gr=C3=BC=C3=9Fe?="))
REFUSED = "550 5.7.1 Unconfigured Sending Domain <stranger.example>"


def events(office: Office, count: int) -> list[Occurrence]:
    """Return the rejections, once there are so many: nobody waits for them to be written."""
    found = wait_for(
        lambda: seen if len(seen := office.store.events(types=["policy_rejection"])) >= count else None
    )
    return found or []


def shown(occurrence: Occurrence) -> dict[str, Any]:
    return view(occurrence.event, occurrence.transmission, occurrence.message)


def test_a_message_refused_for_good_is_an_event_for_each_recipient(office: Office) -> None:
    outcome = office.send(make_message(ALICE, BOB, headers=FOREIGN))
    assert str(outcome) == REFUSED
    bob, alice = map(shown, events(office, 2))
    assert {
        name: alice[name] for name in alice if name not in ("timestamp", "event_id", "transmission_id")
    } == {
        "type": "policy_rejection",
        "subaccount_id": "0",
        "customer_id": "acme",
        "error_code": "550",
        "reason": REFUSED.removeprefix("550 5.7.1 "),
        "raw_reason": REFUSED,
        "bounce_class": "25",
        "remote_addr": "127.0.0.1",
        "recv_method": "esmtp",
        "rcpt_to": "alice@example.net",
        "raw_rcpt_to": "Alice@Example.net",
        "recipient_domain": "example.net",
        "friendly_from": "news@stranger.example",
        "msg_from": ACME.sender,
        "subject": "Gr\N{LATIN SMALL LETTER U WITH DIAERESIS}\N{LATIN SMALL LETTER SHARP S}e",
    }
    assert bob["rcpt_to"] == BOB
    assert bob["transmission_id"] == alice["transmission_id"]
    assert bob["event_id"] != alice["event_id"]


def test_it_was_never_taken_in(office: Office) -> None:
    office.send(make_message(ALICE, headers=FOREIGN))
    (found,) = events(office, 1)
    assert (found.transmission, found.message) == (None, None)
    assert (
        office.rows("SELECT count(*) FROM transmissions")
        == office.rows("SELECT count(*) FROM messages")
        == [(0,)]
    )
    assert office.store.fates(None, 0, 2**62) == {}


def test_a_refusal_that_may_pass_is_no_event() -> None:
    refusal = Refusal(451, "4.3.0", "Try again later")
    assert rejection.rows(refusal, None, [ALICE], (FROM,), ids=IdSource(), time=0) == []  # type: ignore[arg-type]


def test_an_accepted_message_is_none_either(office: Office) -> None:
    office.queued(make_message(ALICE))
    assert office.store.events(types=["policy_rejection"]) == []


def test_recipients_are_counted_once_each_and_up_to_a_limit(office: Office) -> None:
    many = [f"r{number}@example.net" for number in range(2 * rejection.RECIPIENTS)]
    refusal = Refusal(550, "5.6.0", "No")
    rows = rejection.rows(refusal, office.envelope(), ["R0@Example.net", *many], (), ids=IdSource(), time=0)
    told = [row.data["rcpt_to"] for row in rows if isinstance(row, Event)]
    assert told == many[: rejection.RECIPIENTS]


def test_l1_whatever_a_client_sends_is_text(office: Office) -> None:
    strange = "b\udcff@example.net"
    headers = (Header("Subject", b"a\xff\r\n b\x00" + b"c" * 100_000), Header("From", b"\xff"))
    rows = rejection.rows(
        Refusal(550, "", "No"), office.envelope(), [strange], headers, ids=IdSource(), time=0
    )
    office.store.record(rows)
    (found,) = events(office, 1)
    assert found.event.data["raw_rcpt_to"] == "b?@example.net"
    assert len(found.event.data["subject"]) == 998
    repr(shown(found)).encode()


def test_the_reply_does_not_wait_for_the_store(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    office.store.close()
    envelope = office.envelope()
    headers = (Header("From", b"news@stranger.example"),)
    with caplog.at_level(logging.ERROR):
        outcome = office.submission.end(envelope, "4Xq", (ALICE,), headers, b"x")
    assert str(outcome) == REFUSED
    assert "4Xq: acme/main: the refusal is no event: the store is unavailable" in caplog.text
