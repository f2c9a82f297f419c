"""With `log_format: json` every line of every daemon is one object, whatever clients have sent (L1)."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from estafeta_testing import sandbox as testing
from estafeta_testing.relay import SENDER, Relay, wait

NASTY = b'\x1b[31m\x7f" \\ \\u2028 \xe2\x80\xa8 \xff {"forged": 1}'


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    with testing.running(config=testing.QUICK + "log_format: json\n") as running:
        yield Relay(running.description)


def records(relay: Relay) -> list[dict[str, Any]]:
    """Return every record of every daemon; a line that is none fails."""
    found = []
    for path in (relay.dir / "log").glob("*.log"):
        if path.stem != "postfix":
            for line in path.read_bytes().splitlines():
                assert len(line) <= 8192
                found.append(json.loads(line.decode("ascii")) | {"file": path.stem})
    return found


def test_l1_all_lines_parse_and_those_about_a_message_have_its_ids(relay: Relay) -> None:
    said = f"From: {SENDER}\r\nSubject: ".encode() + NASTY + b"x" * 900 + b"\r\nX-MSYS-API: {}\r\n\r\nHi\r\n"
    queue_id = relay.send(said, "one@example.net", "two@example.net")
    with relay.connect() as client:
        client.docmd("AUTH", "PLAIN AHNvbWVib2R5G1szMW0AJwI=")
    with relay.session() as session:
        session.command("MAIL FROM:<x\x1b[31m\x7f{}@nowhere.example>")

    def told() -> set[str]:
        return {each["role"] for each in records(relay)} & {"milter", "sasl", "policy", "web", "worker"}

    def logins() -> list[dict[str, Any]]:
        return [
            each for each in records(relay) if each["role"] == "sasl" and each.get("identity") == "acme/main"
        ]

    wait(told, {"milter", "sasl", "policy", "web", "worker"}, "a line of each daemon")
    wait(lambda: bool(logins()), wanted=True, what="the login")
    found = records(relay)
    accepted = next(each for each in found if each.get("queue_id") == queue_id)
    assert accepted["identity"] == "acme/main"
    assert relay.found(queue_id).transmission.transmission_id == int(accepted["transmission_id"])
    assert logins()[0]["client"] == "127.0.0.1"
    wait(
        lambda: {each["role"] for each in records(relay) if each.get("message_id")},
        {"milter"},
        "a copy's line",
    )


def test_a_broken_configuration_is_told_in_the_same_form(relay: Relay) -> None:
    whole = relay.config.read_text()
    relay.config.write_text(whole + "nonsense: [\n")
    wait(
        lambda: any(
            "nonsense" in each["message"] or "estafeta.yaml" in each["message"] for each in records(relay)
        ),
        wanted=True,
        what="the mistake in the logs",
    )
    relay.config.write_text(whole)
