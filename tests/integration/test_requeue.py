"""`postsuper -r`, which operators use after each repair: Postfix takes in anew what is left of a message.

It gets another queue id, goes through another cleanup(8), and loses the FILTER that led it to the split.
"""

import re

import pytest

from estafeta_testing.queue import copies_of, postfix, queue_manager_held, split_lines
from estafeta_testing.relay import SENDER, Relay, wait

TRACKED = b'X-MSYS-API: {"options": {"open_tracking": true, "click_tracking": true}}\r\n'


def message(subject: str, *fields: bytes) -> bytes:
    head = f"From: {SENDER}\r\nSubject: {subject}\r\nContent-Type: text/html\r\n".encode()
    return (
        head + b"".join(fields or (TRACKED,)) + b'\r\n<body><a href="https://example.com/">x</a></body>\r\n'
    )


def requeued(relay: Relay, id_: str) -> str:
    """Have Postfix queue anew what is left of a message, and return its new queue id once it is there."""
    postfix(relay, "postsuper", "-r", id_)
    pattern = re.compile(rf"/pickup\[\d+\]: (\w+): uid=\d+ from=<.*> orig_id={id_}$", re.MULTILINE)

    def found() -> list[str]:
        relay.flush()  # pickup(8) would look by itself within a minute
        return pattern.findall(relay.maillog.read_text())

    wait(lambda: len(found()), 1, f"{id_} is queued anew")
    return found()[0]


def given_up(relay: Relay, id_: str) -> None:
    postfix(relay, "postsuper", "-e", id_)
    relay.flush()


def told(relay: Relay, sent: str) -> dict[str, list[str]]:
    """Return which events there are of each recipient of a message, delays apart."""
    found: dict[str, list[str]] = {}
    for event in relay.events(sent):
        if event["type"] not in {"injection", "delay"}:
            found.setdefault(event["raw_rcpt_to"], []).append(event["type"])
    return found


def test_b16_a_copy_that_is_queued_anew_stays_whole_and_is_told_of_its_recipient(relay: Relay) -> None:
    sent = relay.send(message("anew"), "alice@example.net", "defer@example.net")
    relay.events(sent, "injection", "injection", "delivery", "delay")
    (waiting,) = [id_ for id_ in copies_of(relay, sent) if not relay.gone(id_)]
    again = requeued(relay, requeued(relay, waiting))
    queued = postfix(relay, "postcat", "-hbq", again)
    assert "X-Estafeta-Job" not in queued
    assert queued.count("/c/") == 1
    assert len(re.findall("^X-MSFBL: ", queued, re.MULTILINE)) == 1
    given_up(relay, again)
    expected = {"alice@example.net": ["delivery"], "defer@example.net": ["bounce"]}
    wait(lambda: told(relay, sent), expected, "the end of the copy that was queued anew")
    assert not [line for line in split_lines(relay) if again in line]
    assert (
        f"transmission {relay.found(sent).transmission.transmission_id}, "
        in relay.estafeta("show", again).stdout
    )


@pytest.mark.parametrize(
    "fields", [(), (b'X-MSYS-API: {"options": {"transactional": true}}\r\n',)], ids=["differ", "alike"]
)
def test_b16_who_has_got_a_message_gets_it_no_more_when_it_is_queued_anew(
    relay: Relay, fields: tuple[bytes, ...]
) -> None:
    marker = f"rest{len(fields)}"
    refused = f"bounce-{marker}@example.net"  # who does not exist is suppressed from then on
    recipients = ("alice@example.net", "defer@example.net", refused)
    sent = relay.send(message(marker, *fields), *recipients)
    relay.events(sent, *["injection"] * 3, "delivery", "delay", "bounce")
    waiting = sent if fields else next(id_ for id_ in copies_of(relay, sent) if not relay.gone(id_))
    given_up(relay, requeued(relay, waiting))
    expected = {
        "alice@example.net": ["delivery"],
        "defer@example.net": ["bounce"],
        refused: ["bounce"],
    }
    wait(lambda: told(relay, sent), expected, "the end of what was queued anew")
    assert len(relay.delivered(sent)) == 1


def test_b16_a_job_inside_an_attached_message_leads_nowhere(relay: Relay) -> None:
    job = b"X-Estafeta-Job: x\r\n"
    part = b"--x\r\nContent-Type: text/html\r\n" + job + b"\r\n<p>\r\n"
    attached = b"--x\r\nContent-Type: message/rfc822\r\n\r\n" + job + b"Subject: inner\r\n\r\n" + job
    head = f"From: {SENDER}\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n".encode()
    with queue_manager_held(relay):
        sent = relay.send(head + part + attached + b"--x--\r\n")
        postfix(relay, "postsuper", "-r", sent)
    relay.flush()
    relay.events(sent, "injection", "delivery")
    (copy,) = relay.delivered(sent)
    assert copy.body.count(b"X-Estafeta-Job: ") == 3
    assert copy.values("X-Estafeta-Job") == []


def test_b16_what_waits_for_the_split_is_split_when_it_is_queued_anew(relay: Relay) -> None:
    recipients = ("alice@example.net", "Bob@example.net", "carol@example.org")
    with queue_manager_held(relay):
        sent = relay.send(message("split"), *recipients)
        postfix(relay, "postsuper", "-r", sent)
    relay.flush()
    relay.events(sent, *["injection", "delivery"] * 3)
    numbers = {found.raw_rcpt_to: found.message_id for found in relay.found(sent).messages}
    for copy in relay.delivered(sent):
        number = numbers.pop(copy.delivered_to)
        feedback = relay.links.read_msfbl(copy.value("X-MSFBL"))
        bounce = relay.links.read_bounce_address(copy.return_path)
        assert feedback is not None
        assert bounce is not None
        assert (feedback.message_id, bounce.id, bounce.shared) == (number, number, False)
        assert (copy.body.count(b"/c/"), copy.body.count(b"/o/")) == (1, 2)
        assert copy.values("X-Estafeta-Job") == []
    assert numbers == {}
