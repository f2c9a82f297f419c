"""What happens after: a message to recipients whose mail comes to grief, and the next one to them.

The server that plays the recipients' hosts refuses mail to `bounce…`. It takes mail to `oob…` and to
`complaint…`, and a second later sends a delivery report for the one, an abuse report for the other.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from typing import Any

import httpx2

from estafeta_postfix.demo import client, recorded, sparkpost
from estafeta_postfix.demo.receiver import Receiver, receiving
from estafeta_postfix.demo.report import PATIENCE, Report

BOUNCE, OOB, COMPLAINT = (f"{name}.demo@example.com" for name in ("bounce", "oob", "complaint"))
RECIPIENTS = (BOUNCE, OOB, COMPLAINT)
WORDS = ("Bounced", "Returned later", "Marked as spam")  # the page's, in English
SUPPRESSED = "25"  # the bounce class of a recipient who is not mailed any more


def message() -> EmailMessage:
    """Return the message that is sent, twice."""
    made = sparkpost.message()
    del made["To"]
    made["To"] = ", ".join(RECIPIENTS)
    return made


FIRST = dataclasses.replace(
    sparkpost.SPARKPOST,
    recipients=RECIPIENTS,
    message=message,
    events={
        BOUNCE: frozenset({"injection", "bounce"}),
        OOB: frozenset({"injection", "delivery", "out_of_band"}),
        COMPLAINT: frozenset({"injection", "delivery", "spam_complaint"}),
    },
)
NEXT = dataclasses.replace(FIRST, events=dict.fromkeys(RECIPIENTS, frozenset({"injection", "bounce"})))


def run(sandbox: Mapping[str, Any], say: Callable[[str], None]) -> int:
    """Show what happens after in a running sandbox; return how many expectations failed."""
    report = Report(say)
    report.say(f"\n{'─' * 20} What happens after, when mail bounces or is called spam:")
    key = next(each["password"] for each in sandbox["credentials"] if each["id"] == FIRST.credential)
    with receiving() as receiver, httpx2.Client(base_url=sandbox["web"], timeout=PATIENCE) as http:
        http.headers["Authorization"] = key
        made = http.post("/api/v1/webhooks", json=_webhook(receiver))
        if report.check(made.status_code == 200, "POST /api/v1/webhooks: a webhook is made", made.text):
            webhook = made.json()["results"]
            _play(sandbox, http, functools.partial(receiver.events, webhook["secret"]), report)
            http.delete(f"/api/v1/webhooks/{webhook['id']}")
    return report.failures


def _webhook(receiver: Receiver) -> dict[str, Any]:
    types = sorted({kind for kinds in FIRST.events.values() for kind in kinds})
    return {"name": "demo", "target": receiver.url, "events": types}


def _play(
    sandbox: Mapping[str, Any],
    http: httpx2.Client,
    posted: Callable[[], list[dict[str, Any]]],
    report: Report,
) -> None:
    queue_id = client.send(sandbox, FIRST, report)
    if not queue_id:
        return
    report.say("\nWhat was recorded:")
    recorded.check(sandbox, FIRST, queue_id, report)
    ids = {event["event_id"] for event in _events(sandbox, queue_id)}
    report.say("\nThe same elsewhere:")
    _check(report, "GET /api/v1/events/message has these events", ids, lambda: _api(http, queue_id))
    _check(report, "the webhook got them, signed", ids, lambda: {each["event_id"] for each in posted()})
    page = _page(http, queue_id)
    report.check(all(word in page for word in WORDS), f"the page says {', '.join(WORDS)}", page)
    report.say("\nThe next message to the three:")
    again = client.send(sandbox, NEXT, report)
    if not again:
        return
    recorded.check(sandbox, NEXT, again, report)
    classes = {event.get("bounce_class") for event in _events(sandbox, again) if event["type"] == "bounce"}
    report.check(classes == {SUPPRESSED}, "it is not sent: they are suppressed (class 25)", classes)
    for sent in (queue_id, again):
        report.say(f"\n--- estafeta show {sent} ---\n")
        report.say(recorded.show(sandbox, sent))


def _check(report: Report, expected: str, ids: set[str], look: Callable[[], set[str]]) -> None:
    """Wait until all ids are found."""
    found = recorded.wait(lambda: ids <= look() or None)
    report.check(found is not None, expected, f"{len(ids & look())} of {len(ids)}")


def _events(sandbox: Mapping[str, Any], queue_id: str) -> list[dict[str, Any]]:
    """Return the events that `estafeta show` tells of."""
    return list(recorded.shown(sandbox, queue_id).get("events", ()))


def _api(http: httpx2.Client, queue_id: str) -> set[str]:
    answer = http.get("/api/v1/events/message", params={"transmissions": queue_id})
    return {event["event_id"] for event in answer.json().get("results", ())}


def _page(http: httpx2.Client, queue_id: str) -> str:
    """Return the page that the search leads to, for somebody who has signed in with the key."""
    origin = {"Origin": str(http.base_url).rstrip("/"), "Accept-Language": "en"}
    with httpx2.Client(base_url=http.base_url, headers=origin, follow_redirects=True) as browser:
        browser.post("/sign-in", data={"secret": http.headers["Authorization"]})
        return browser.get("/search", params={"q": queue_id}).text
