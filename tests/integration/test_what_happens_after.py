"""What becomes of a message is the same wherever somebody looks: command, API, webhook and page.

One sandbox, one message to each of the addresses that the world behind it treats differently.
"""

import json
import smtplib
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
import pytest

from estafeta_testing.receiver import Receiver, receiving
from estafeta_testing.sandbox import QUICK, STORES, Sandbox, queue_id, running, wait_for

SECONDS = 10.0  # from the 250 to the last event, everywhere
SENDER = "news@acme.example"

# What is told of a message to each of these, by the local part of the address.
WANTED = {
    "ok": ("injection", "delivery"),
    "bounce": ("injection", "bounce"),
    "defer": ("injection", "delay"),
    "oob": ("injection", "delivery", "out_of_band"),
    "complaint": ("injection", "delivery", "spam_complaint"),
}
EVENTS = sorted({each for kinds in WANTED.values() for each in kinds})
SUPPRESSED_AFTERWARDS = ("bounce", "oob", "complaint")
# What the page calls each of these, in English.
WORDS = {
    "injection": "Accepted",
    "delivery": "Delivered",
    "bounce": "Bounced",
    "delay": "Delayed",
    "out_of_band": "Returned later",
    "spam_complaint": "Marked as spam",
}


@dataclass(frozen=True)
class Sent:
    """The messages, and when the first of them was accepted."""

    sandbox: Sandbox
    receiver: Receiver
    session: smtplib.SMTP  # that they were sent in, still open
    queue_ids: dict[str, str]  # by local part
    since: float

    @property
    def left(self) -> float:
        """Seconds that are left for what has to be there by now."""
        return max(0.1, self.since + SECONDS - time.monotonic())

    @property
    def key(self) -> str:
        return self.sandbox.credential().password

    def api(self, path: str, **parameters: str) -> httpx2.Response:
        return httpx2.get(
            self.sandbox.web + path, params=parameters, headers={"Authorization": self.key}, timeout=10
        )


def post(client: smtplib.SMTP, recipient: str) -> str:
    message = (
        f"From: News <{SENDER}>\r\nTo: {recipient}\r\nSubject: What happens to {recipient}\r\n"
        'X-MSYS-API: {"campaign_id": "after", "options": {"open_tracking": true, "click_tracking": true}}\r\n'
        'Content-Type: text/html\r\n\r\n<html><body><a href="https://shop.example/">shop</a></body></html>\r\n'
    )
    assert client.mail(SENDER)[0] == 250
    assert client.rcpt(recipient)[0] == 250
    code, reply = client.data(message)
    assert code == 250, reply
    return queue_id(reply)


@pytest.fixture(scope="module", params=STORES)
def sent(request: pytest.FixtureRequest) -> Iterator[Sent]:
    with running(config=QUICK, kind=request.param) as sandbox, receiving() as receiver:
        made = httpx2.post(
            f"{sandbox.web}/api/v1/webhooks",
            headers={"Authorization": sandbox.credential().password},
            json={"name": "Mine", "target": receiver.url, "events": EVENTS},
            timeout=20,
        )
        assert made.status_code == 200, made.text
        with sandbox.login() as client:
            since = time.monotonic()
            ids = {local: post(client, f"{local}@recipient.example") for local in WANTED}
            yield Sent(sandbox, receiver, client, ids, since)


@pytest.mark.parametrize("local", WANTED)
def test_the_command_shows_it(sent: Sent, local: str) -> None:
    def look() -> list[str] | None:
        done = sent.sandbox.estafeta("show", sent.queue_ids[local], "--json")
        types = [event["type"] for event in json.loads(done.stdout)["events"]]
        return types if set(types) >= set(WANTED[local]) else None

    assert wait_for(look, sent.left) is not None, sent.sandbox.estafeta("show", sent.queue_ids[local]).stdout


@pytest.mark.parametrize("local", WANTED)
def test_the_api_shows_it(sent: Sent, local: str) -> None:
    def look() -> set[str] | None:
        answer = sent.api("/api/v1/events/message", recipients=f"{local}@recipient.example")
        types = {event["type"] for event in answer.json()["results"]}
        return types if types >= set(WANTED[local]) else None

    assert wait_for(look, sent.left) is not None
    found = sent.api(f"/api/v1/transmissions/{sent.queue_ids[local]}").json()["results"]
    assert f"{local}@recipient.example" in json.dumps(found)


@pytest.mark.parametrize("local", WANTED)
def test_the_webhook_has_it(sent: Sent, local: str) -> None:
    def came(receiver: Receiver) -> bool:
        types = {
            event["type"]
            for batch in receiver.batches
            for event in batch.events
            if event["rcpt_to"] == f"{local}@recipient.example"
        }
        return types >= set(WANTED[local])

    sent.receiver.wait_for(came, sent.left)
    assert len(sent.receiver.event_ids) == len(set(sent.receiver.event_ids))


@pytest.mark.parametrize("local", WANTED)
def test_the_page_shows_it(sent: Sent, local: str) -> None:
    with httpx2.Client(base_url=sent.sandbox.web, follow_redirects=True, timeout=10) as browser:
        origin = {"Origin": sent.sandbox.web}
        signed = browser.post("/sign-in", data={"secret": sent.key}, headers=origin)
        assert signed.status_code == 200

        def look() -> str | None:
            page = browser.get("/search", params={"q": sent.queue_ids[local]}).text
            return page if all(WORDS[each] in page for each in WANTED[local]) else None

        assert wait_for(look, sent.left) is not None


@pytest.mark.parametrize("local", SUPPRESSED_AFTERWARDS)
def test_the_next_message_is_not_sent_in_a_session_that_was_open_before(sent: Sent, local: str) -> None:
    recipient = f"{local}@recipient.example"

    def suppressed() -> bool | None:
        return sent.api(f"/api/v1/suppression-list/{recipient}").status_code == 200 or None

    assert wait_for(suppressed, sent.left)
    again = post(sent.session, recipient)
    events = sent.sandbox.wait_for_events(again, "injection", "bounce")
    assert [event.get("bounce_class") for event in events] == [None, "25"]
