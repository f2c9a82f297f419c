"""What an operator's Prometheus is told of messages: how many were split, and whom they went to."""

import re

from estafeta_testing.relay import SENDER, Relay

_SAMPLE = re.compile(
    r'^(estafeta_messages_total|estafeta_message_recipients_total)\{\w+="(\w+)"\} ([\d.]+)$', re.MULTILINE
)


def counted(relay: Relay) -> dict[str, float]:
    """Return both counters by their labels, which differ."""
    text = relay.http("GET", f"{relay.web}/metrics").body.decode()
    return {label: float(number) for _, label, number in _SAMPLE.findall(text)}


def message(asked: str) -> bytes:
    return f"From: {SENDER}\r\nX-MSYS-API: {asked}\r\n\r\nHello.\r\n".encode()


def test_messages_are_counted_by_their_copies_and_recipients_by_what_names_them(relay: Relay) -> None:
    two = ("alice@example.net", "bob@example.net")
    before = counted(relay)
    relay.send(message('{"options": {"transactional": true}}'), *two)
    relay.send(message("{}"), "alice@example.net")
    relay.send(message("{}"), *two)
    relay.send(message('{"cc": ["cc@example.net"], "bcc": ["b1@example.net", "b2@example.net"]}'), *two)
    relay.send(message('{"archive": ["a1@example.net"]}'), "suppressed@example.net")
    relay.send(message("{}"), "suppressed@example.net")
    after = counted(relay)
    assert {label: after[label] - before[label] for label in after} == {
        "alike": 3,  # the archive copy goes alone, since its original is suppressed
        "differ": 2,
        "none": 1,
        "to": 9,
        "cc": 1,
        "bcc": 2,
        "archive": 1,
    }
