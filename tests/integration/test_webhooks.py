"""Webhooks from Postfix's log to a receiver: the worker killed, and programs written for SparkPost."""

import contextlib
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import httpx2
import pytest
from anymail.signals import AnymailTrackingEvent, tracking
from anymail.webhooks.sparkpost import SparkPostTrackingWebhookView
from django.conf import settings
from django.test import RequestFactory
from standardwebhooks import Webhook as Verifier

from estafeta_core import events
from estafeta_core.store import Store, open_store
from estafeta_core.store.outgoing_rows import Webhook
from estafeta_core.store.rows import Event, Message, Row, Transmission
from estafeta_core.webhooks import rendering
from estafeta_core.webhooks.signature import new_secret
from estafeta_testing.receiver import Posted, Receiver, receiving
from estafeta_testing.relay import Relay
from estafeta_testing.stored import IDS, make_rows
from estafeta_testing.worker import worker

EVENTS = 5000
KILLS = 5

# What anymail says of each of SparkPost's types.
ANYMAIL = {
    events.INJECTION: "queued",
    events.DELIVERY: "delivered",
    events.BOUNCE: "bounced",
    events.DELAY: "deferred",
    events.OUT_OF_BAND: "bounced",
    events.SPAM_COMPLAINT: "complained",
    events.POLICY_REJECTION: "rejected",
    events.OPEN: "opened",
    events.INITIAL_OPEN: "unknown",  # anymail counts it only where its user says so
    events.CLICK: "clicked",
    events.AMP_CLICK: "clicked",
    events.LIST_UNSUBSCRIBE: "unsubscribed",
    events.LINK_UNSUBSCRIBE: "unsubscribed",
}
FAILED = {"bounce_class": "10", "raw_reason": "550 5.1.1 No such user", "reason": "550 5.1.1 No such user"}
LINK = {
    "target_link_url": "https://example.com/a?b=c",
    "user_agent": "Mozilla/5.0",
    "ip_address": "192.0.2.7",
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "accounts.d").mkdir()
    (tmp_path / "link.key").write_text("k" * 64)
    path = tmp_path / "estafeta.yaml"
    path.write_text(
        "hostname: mx.example.com\nbase_url: http://localhost\nbounce_domain: bounce.example.com\n"
        "listeners: {a: {dialects: [sparkpost], port: 587}}\nsigning_keys: [link.key]\n"
        f"store: sqlite:///{tmp_path}/estafeta.db\nmaillog: mail.log\nrun_dir: .\nstate_dir: .\n"
        "webhooks: {allow_networks: [127.0.0.0/8], batch_seconds: 0.2}\n"
    )
    return path


@pytest.fixture
def store(tmp_path: Path, config: Path) -> Iterator[Store]:
    with contextlib.closing(open_store(f"sqlite:///{tmp_path}/estafeta.db")) as opened:
        yield opened


def webhook(store: Store, receiver: Receiver, *types: str, settings: dict[str, Any] | None = None) -> Webhook:
    made = Webhook("w", "acme", None, "a", receiver.url, True, types, (), settings or {}, new_secret(), 1)
    store.record([made])
    return made


def log_lines(recipients: range) -> str:
    return "".join(
        f"Nov 20 13:52:35 mx postfix/smtp[1]: A1B2C3: to=<r{number}@example.com>, relay=none, "
        "delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status=sent (250 Ok)\n"
        for number in recipients
    )


def test_i3_r3_kills_and_rotations_lose_no_event_and_repeat_only_what_was_being_posted(
    tmp_path: Path, config: Path, store: Store
) -> None:
    rows = make_rows(*(f"r{number}@example.com" for number in range(EVENTS)), queue_id="A1B2C3")
    store.record([row for row in rows if not isinstance(row, Event)])
    log = tmp_path / "mail.log"
    part = EVENTS // KILLS
    with receiving() as receiver:
        webhook(store, receiver, "delivery")
        for turn in range(KILLS):
            with worker(config) as process:
                for start in range(turn * part, (turn + 1) * part, 100):
                    with log.open("a") as file:
                        file.write(log_lines(range(start, start + 100)))
                    time.sleep(0.02)
                come = (turn + 1) * part - part // 2
                receiver.wait_for(lambda here, come=come: len(set(here.event_ids)) >= come, 40)  # type: ignore[misc]
                process.send_signal(signal.SIGKILL)
            if turn in (1, 3):
                log.rename(tmp_path / f"mail.log.{turn}")
        with worker(config):
            receiver.wait_for(lambda here: len(set(here.event_ids)) >= EVENTS, 40)
            deadline = time.monotonic() + 10
            while store.backlog("w").events:
                assert time.monotonic() < deadline
                time.sleep(0.05)
    stored = Counter(each.event.message_id for each in store.events(types=["delivery"], limit=2 * EVENTS))
    assert len(stored) == EVENTS
    assert set(stored.values()) == {1}
    ids = {str(each.event.event_id) for each in store.events(types=["delivery"], limit=2 * EVENTS)}
    assert set(receiver.event_ids) == ids
    seen: dict[str, tuple[str, ...]] = {}
    for post in receiver.batches:  # a batch that came again is the same batch
        batch = post.headers["x-messagesystems-batch-id"]
        assert seen.setdefault(batch, tuple(post.event_ids)) == tuple(post.event_ids)
    assert len(receiver.batches) - len(seen) <= KILLS


# Programs written for SparkPost


@pytest.fixture(scope="module")
def django_settings() -> None:
    """Have Django and anymail, as an application sets them up that asks webhooks for a password."""
    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"])
        django.setup()
    settings.ANYMAIL = {"WEBHOOK_SECRET": "anymail:secret"}


def taken(post: Posted) -> list[AnymailTrackingEvent]:
    """Return what anymail's view, not changed, makes of a post as it came."""
    found: list[AnymailTrackingEvent] = []

    def take(event: AnymailTrackingEvent, **_: object) -> None:
        found.append(event)

    request = RequestFactory().post(
        "/anymail/sparkpost/tracking/",
        post.body,
        content_type=post.headers["content-type"],
        headers={"Authorization": post.headers["authorization"]},
    )
    tracking.connect(take)
    try:
        assert SparkPostTrackingWebhookView.as_view()(request).status_code == 200
    finally:
        tracking.disconnect(take)
    return found


def rows_of_every_type() -> tuple[Transmission, Message, list[Event]]:
    transmission, message, _ = make_rows("Alice@Example.net")
    assert isinstance(transmission, Transmission)
    assert isinstance(message, Message)
    data: dict[str, dict[str, Any]] = {events.BOUNCE: FAILED, events.OUT_OF_BAND: FAILED, events.CLICK: LINK}
    happened = [
        Event(
            IDS.next(),
            kind,
            1_795_182_755_174,
            transmission.transmission_id,
            message.message_id,
            "acme",
            None,
            data.get(kind, {}),
        )
        for kind in ANYMAIL
    ]
    return transmission, message, happened


def test_anymail_takes_every_event_of_our_batches(config: Path, store: Store, django_settings: None) -> None:
    transmission, message, happened = rows_of_every_type()
    basic = {"auth_type": "basic", "auth_credentials": {"username": "anymail", "password": "secret"}}
    with receiving() as receiver:
        own = webhook(store, receiver, *ANYMAIL, settings=basic)
        rows: list[Row] = [transmission, message, *happened]
        store.record(rows)
        with worker(config):
            receiver.wait_for(lambda here: len(here.event_ids) == len(happened))
    (post,) = receiver.batches
    assert Verifier(own.secret).verify(post.body, post.headers)
    found = dict(zip((event["type"] for event in post.events), taken(post), strict=True))
    assert {kind: str(each.event_type) for kind, each in found.items()} == ANYMAIL
    for each, event in zip(found.values(), happened, strict=True):
        assert each.event_id == str(event.event_id)
        assert each.message_id == str(transmission.transmission_id)
        assert (each.recipient, each.tags, each.metadata) == ("Alice@Example.net", ["spring"], {"user": "ü"})
        assert each.timestamp.isoformat() == "2026-11-20T13:52:35+00:00"
    bounced, clicked = found[events.BOUNCE], found[events.CLICK]
    assert (bounced.reject_reason, bounced.mta_response) == ("invalid", "550 5.1.1 No such user")
    assert (clicked.click_url, clicked.user_agent) == (LINK["target_link_url"], "Mozilla/5.0")


def test_anymail_takes_a_ping_for_nothing(django_settings: None) -> None:
    basic = {"content-type": "application/json", "authorization": "Basic YW55bWFpbDpzZWNyZXQ="}
    assert taken(Posted("/", basic, rendering.PING)) == []


# Everything together


def test_a_message_through_postfix_comes_to_a_webhook_made_over_http(relay: Relay) -> None:
    headers = {"Authorization": relay.credential("acme/main").password}
    with receiving() as receiver, httpx2.Client(base_url=relay.web, headers=headers, timeout=20) as http:
        form = {"name": "all", "target": receiver.url, "events": ["injection", "delivery", "bounce"]}
        made = http.post("/api/v1/webhooks", json=form)
        assert made.status_code == 200, made.text
        webhook_id, secret = (made.json()["results"][name] for name in ("id", "secret"))
        try:
            relay.send(b"From: news@acme.example\r\n\r\nHello.\r\n", "a@example.net", "bounce.us@example.net")
            receiver.wait_for(lambda here: len(here.event_ids) >= 4, 40)
        finally:
            http.delete(f"/api/v1/webhooks/{webhook_id}")
    came = {(event["rcpt_to"], event["type"]) for post in receiver.batches for event in post.events}
    assert came == {
        ("a@example.net", "injection"),
        ("bounce.us@example.net", "injection"),
        ("a@example.net", "delivery"),
        ("bounce.us@example.net", "bounce"),
    }
    for post in receiver.posts:
        assert Verifier(secret).verify(post.body, post.headers)
