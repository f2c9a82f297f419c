"""The HTTP API and what it changes, through real Postfix: a suppression holds for the next message."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from estafeta_testing.relay import SENDER, Relay, wait
from estafeta_testing.smtp import queue_id

Ask = Callable[..., httpx2.Response]
MESSAGE = f'From: {SENDER}\r\nSubject: api\r\nX-MSYS-API: {{"campaign_id": "api"}}\r\n\r\nHello.\r\n'.encode()


@pytest.fixture
def ask(relay: Relay) -> Ask:
    def ask(path: str, method: str = "GET", **more: Any) -> httpx2.Response:
        headers = {"Authorization": relay.credential().password}
        return httpx2.request(method, f"{relay.web}/api/v1/{path}", headers=headers, timeout=20, **more)

    return ask


def test_a_suppression_holds_for_the_next_message_of_an_open_session(relay: Relay, ask: Ask) -> None:
    path = "suppression-list/api.leaver@example.net"
    with relay.session() as connection:
        before = queue_id(connection.message(SENDER, ["api.leaver@example.net"], MESSAGE))
        assert ask(path, "PUT", json={"type": "non_transactional"}).status_code == 200
        between = queue_id(connection.message(SENDER, ["API.Leaver@example.net"], MESSAGE))
        assert ask(path, "DELETE").status_code == 204
        after = queue_id(connection.message(SENDER, ["api.leaver@example.net"], MESSAGE))
    assert [len(relay.copies(each)) for each in (before, between, after)] == [1, 0, 1]
    [recipient] = ask(f"transmissions/{between}").json()["results"]["transmission"]["recipients"]
    assert recipient["state"] == "suppressed"


def test_k6_the_command_and_the_api_write_the_same_list(relay: Relay, ask: Ask) -> None:
    done = relay.estafeta(
        "suppress", "add", "api.both@example.net", "--account", "acme", "--type", "transactional"
    )
    assert done.returncode == 0, done.stderr
    [entry] = ask("suppression-list/api.both@example.net").json()["results"]
    assert (entry["type"], entry["source"]) == ("transactional", "Manually Added")
    assert ask("suppression-list/api.both@example.net", "DELETE").status_code == 204
    gone = relay.estafeta("suppress", "remove", "api.both@example.net", "--account", "acme")
    assert gone.returncode == 1
    assert "not in the list" in gone.stderr


def test_who_withdraws_consent_still_gets_mail_and_no_open_is_recorded(relay: Relay, ask: Ask) -> None:
    address = "api.consent@example.net"
    assert ask(f"suppression-list/{address}", "PUT", json={"type": "open_tracking"}).status_code == 200
    sent = relay.send(MESSAGE, address)
    assert len(relay.copies(sent)) == 1
    [recipient] = ask(f"transmissions/{sent}").json()["results"]["transmission"]["recipients"]
    pixel = relay.links.pixel(int(recipient["message_id"]), initial=False)
    answer = httpx2.get(pixel, timeout=20)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
    opened = ask(f"events/message?transmissions={sent}&events=open,initial_open").json()
    assert opened["results"] == []


def test_what_became_of_a_message_is_told_by_its_queue_id(relay: Relay, ask: Ask) -> None:
    sent = relay.send(MESSAGE, "api.reader@example.net", "bounce.api@example.net")
    relay.events(sent, "injection", "injection", "delivery", "bounce")

    def states() -> dict[str, str]:
        shown = ask(f"transmissions/{sent}").json()["results"]["transmission"]
        return {each["rcpt_to"]: each["state"] for each in shown["recipients"]}

    wait(states, {"api.reader@example.net": "delivered", "bounce.api@example.net": "bounced"}, "both states")
    found = ask(f"events/message?transmissions={sent}&events=bounce&campaigns=api").json()
    assert [event["rcpt_to"] for event in found["results"]] == ["bounce.api@example.net"]
    assert ask("suppression-list/bounce.api@example.net").json()["results"][0]["source"] == "Bounce Rule"
    counted = ask("metrics/deliverability?metrics=count_delivered,count_hard_bounce&campaigns=api").json()
    assert counted["results"][0]["count_delivered"] >= 1
    assert counted["results"][0]["count_hard_bounce"] >= 1
