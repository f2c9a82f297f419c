"""The `estafeta` command on a running system, as an operator uses it."""

import json
import time

import pytest

from estafeta_testing.relay import SENDER, Relay

MESSAGE = (
    f'From: {SENDER}\r\nSubject: shown\r\nX-MSYS-API: {{"campaign_id": "cli"}}\r\n\r\nHello.\r\n'.encode()
)
RECIPIENT = "cli@example.net"


@pytest.fixture(scope="module")
def sent(relay: Relay) -> str:
    queue_id = relay.send(MESSAGE, RECIPIENT)
    relay.events(queue_id, "injection", "delivery")
    return queue_id


def test_show_finds_a_message_by_the_queue_id_its_client_was_told(relay: Relay, sent: str) -> None:
    said = relay.estafeta("show", sent)
    assert said.returncode == 0, said.stderr
    for word in (sent, RECIPIENT, "acme/main", "cli", "shown", "injection", "delivery"):
        assert word in said.stdout


def test_show_as_json_finds_it_by_every_id(relay: Relay, sent: str) -> None:
    shown = json.loads(relay.estafeta("show", "--json", sent).stdout)
    assert shown["queue_id"] == sent
    assert [event["type"] for event in shown["events"]] == ["injection", "delivery"]
    (message,) = shown["messages"]
    for id_ in (shown["transmission_id"], message["message_id"]):
        assert json.loads(relay.estafeta("show", "--json", id_).stdout) == shown


def test_show_of_an_unknown_id_is_status_1(relay: Relay) -> None:
    said = relay.estafeta("show", "4NoSuchQueueId")
    assert said.returncode == 1
    assert said.stdout == ""
    assert "4NoSuchQueueId" in said.stderr


def test_events_lists_what_happened_to_a_recipient(relay: Relay, sent: str) -> None:
    said = relay.estafeta("events", "--recipient", RECIPIENT)
    assert said.returncode == 0, said.stderr
    assert [line.split()[2:4] for line in said.stdout.splitlines()] == [
        ["injection", sent],
        ["delivery", sent],
    ]


def test_events_as_json_by_type(relay: Relay, sent: str) -> None:
    said = relay.estafeta("events", "--json", "--type", "delivery", "--recipient", RECIPIENT)
    (event,) = map(json.loads, said.stdout.splitlines())
    assert event["type"] == "delivery"
    assert event["campaign_id"] == "cli"
    assert event["transmission_id"] == str(relay.found(sent).transmission.transmission_id)


@pytest.mark.parametrize(
    "arguments",
    [("events", "--type", "no-such-type"), ("no-such-command",), ("key", "revoke", "acme/nobody")],
)
def test_what_is_asked_for_wrongly_is_status_2(relay: Relay, arguments: tuple[str, ...]) -> None:
    said = relay.estafeta(*arguments)
    assert said.returncode == 2
    assert said.stderr


def test_a_new_key_works_within_a_second_and_a_revoked_one_no_more(relay: Relay) -> None:
    made = relay.estafeta("key", "create", "acme/passing", "--permission", "send")
    assert made.returncode == 0, made.stderr
    key = made.stdout.strip()
    assert _login_until(relay, key, "235")
    assert "acme/passing" in relay.estafeta("key", "list").stdout
    assert key not in relay.estafeta("key", "list").stdout

    assert relay.estafeta("key", "revoke", "acme/passing").returncode == 0
    assert _login_until(relay, key, "535")
    assert _login(relay, key) == "535 5.7.8 Error: authentication failed: Credential revoked"
    assert relay.estafeta("key", "create", "acme/passing").returncode == 2, "the name is taken for good"


def _login(relay: Relay, key: str) -> str:
    with relay.raw() as client:
        relay.begin(client, tls=False)
        return client.login("SMTP_Injection", key)


def _login_until(relay: Relay, key: str, code: str, seconds: float = 2.0) -> bool:
    give_up = time.monotonic() + seconds
    while not (right := _login(relay, key).startswith(code)) and time.monotonic() < give_up:
        time.sleep(0.05)
    return right
