"""Mail that comes back, through real Postfix: what it changes, and what it never does."""

import json
import time
from collections.abc import Iterator

import pytest

from estafeta_testing import returned
from estafeta_testing.relay import SENDER, Relay, wait
from estafeta_testing.smtp import Connection, queue_id
from estafeta_testing.tenants import Tenant, tenant
from estafeta_testing.victims import Victims

BOUNCES = "bounce.estafeta.example"
MESSAGE = f"From: {SENDER}\r\nSubject: Hello\r\n\r\nHello\r\n".encode()
TOLD = 10.0  # seconds, for a report that its host sends after one
STORM = 300  # reports; docs/intake.md has the figure for 20,000


def transactional(**more: object) -> bytes:
    return f"X-MSYS-API: {json.dumps({'options': {'transactional': True}, **more})}\r\n".encode() + MESSAGE


@pytest.fixture
def outside(relay: Relay) -> Iterator[Connection]:
    """A remote host that has said EHLO where mail for the bounce domain is taken in."""
    with Connection(*relay.bounce_smtp) as client:
        relay.begin(client, tls=False)
        yield client
        client.quit()


def suppressions(relay: Relay, recipient: str) -> set[tuple[str, str]]:
    sql = "SELECT type, source FROM suppressions WHERE account = 'acme' AND recipient = ?"
    return {(kind, source) for kind, source in relay.sql(sql, recipient)}


def types(relay: Relay, sent: str) -> list[str]:
    return [event["type"] for event in relay.events(sent)]


def taken(relay: Relay, text: str) -> None:
    log = relay.dir / "log" / "intake.log"
    wait(lambda: text in log.read_text(), True, f"{text} in {log}", TOLD)


@pytest.mark.parametrize(
    ("recipient", "event", "message", "suppressed"),
    [
        ("oob.a@example.net", "out_of_band", MESSAGE, {"transactional", "non_transactional"}),
        ("complaint.a@example.net", "spam_complaint", MESSAGE, {"non_transactional"}),
        ("complaint.b@example.net", "spam_complaint", transactional(), {"transactional"}),
    ],
)
def test_what_is_told_afterwards_is_an_event_and_keeps_the_next_message_away(
    relay: Relay, recipient: str, event: str, message: bytes, suppressed: set[str]
) -> None:
    with relay.session() as client:
        begun = time.monotonic()
        sent = queue_id(client.message(SENDER, [recipient], message))
        wait(lambda: event in types(relay, sent), True, event, TOLD)
        assert time.monotonic() - begun < TOLD
        assert {kind for kind, _ in suppressions(relay, recipient)} == suppressed
        again = queue_id(client.message(SENDER, [recipient], message))
    _injection, bounce = relay.events(again, "injection", "bounce")
    assert (bounce["bounce_class"], bounce["error_code"]) == ("25", "554")


def test_each_of_several_recipients_of_alike_copies_is_told_of(relay: Relay) -> None:
    sent = relay.send(MESSAGE, "oob.x@example.net", "alice@example.net", "complaint.x@example.net")
    wait(lambda: {"out_of_band", "spam_complaint"} <= set(types(relay, sent)), True, "both events", TOLD)
    told = {event["type"]: event["rcpt_to"] for event in relay.events(sent) if event["type"] != "injection"}
    assert told["out_of_band"] == "oob.x@example.net"
    assert told["spam_complaint"] == "complaint.x@example.net"
    assert suppressions(relay, "alice@example.net") == set()


def test_an_unsubscribe_by_mail_is_one(relay: Relay, outside: Connection) -> None:
    sent = relay.send(MESSAGE, "leaving@example.net")
    [copy] = relay.copies(sent)
    address, _, subject = copy.value("List-Unsubscribe").partition("<mailto:")[2].partition("?subject=")
    token = subject.partition(">")[0]
    raw = f"From: leaving@example.net\r\nSubject: {token}\r\n\r\n".encode()
    outside.message("leaving@example.net", [address], raw)
    wait(lambda: "list_unsubscribe" in types(relay, sent), True, "an unsubscribe", TOLD)
    assert suppressions(relay, "leaving@example.net") == {("non_transactional", "List Unsubscribe")}


@pytest.fixture(scope="module")
def customer(relay: Relay) -> Iterator[Tenant]:
    """An account whose return path is at a domain of its own."""
    more = (
        "domains:\n  returning.example: {verified: true}\n"
        "  bounces.returning.example: {verified: true, bounce: true}\n"
    )
    with tenant(relay, "returning", more=more) as made:
        yield made


def test_a_return_path_at_a_customers_domain_is_taken_as_ours_is(customer: Tenant) -> None:
    message = MESSAGE.replace(SENDER.encode(), b"news@returning.example")
    with customer.session() as client:
        said = client.message("me@bounces.returning.example", ["oob.c@example.net"], message)
    sent = queue_id(said)
    wait(lambda: "out_of_band" in types(customer.relay, sent), True, "a bounce", TOLD)
    assert customer.relay.found(sent).transmission.msg_from.endswith("@bounces.returning.example")


@pytest.mark.parametrize(
    "recipient",
    [
        f"b+token@{BOUNCES}",
        f"bounces@{BOUNCES}",
        f"fbl+x@{BOUNCES}",
        f"b+{'a' * 48}@{BOUNCES}",
        f"b+{'a' * 46}1@{BOUNCES}",
        "fbl@bounces.returning.example",
        "someone@example.com",
        f"x+b+{'a' * 47}@example.com",
    ],
)
def test_what_is_nobodys_is_refused_before_it_is_taken(outside: Connection, recipient: str) -> None:
    assert outside.command("MAIL FROM:<victim@example.org>").startswith("250")
    assert outside.command(f"RCPT TO:<{recipient}>")[:3] in {"550", "554"}


def test_j1_forged_reports_and_j2_answers_change_nothing_and_nobody_is_written_to(
    relay: Relay, outside: Connection
) -> None:
    sent = relay.send(MESSAGE, "victim@example.net")
    path = relay.copies(sent)[0].return_path
    forged = f"b+{'a' * 47}@{BOUNCES}"
    vacation = b"Auto-Submitted: auto-replied\r\nSubject: Out of office\r\n\r\nAway.\r\n"
    delay = returned.notice(returned.status_of(fields="Action: delayed\r\nStatus: 4.4.1"))
    ids = [
        queue_id(outside.message(sender, [recipient], raw))
        for sender, recipient, raw in (
            ("", forged, returned.notice()),
            ("attacker@example.org", f"fbl@{BOUNCES}", returned.complaint("AAAA|AAAA")),
            ("attacker@example.org", f"fbl@{BOUNCES}", returned.complaint()),
            ("victim@example.net", path, vacation),
            ("", path, delay),
            ("", path, b"\0\xff" * 1000),
            ("", path, returned.notice(mta="mx.estafeta.example")),
            ("a@example.org", f"unsubscribe@{BOUNCES}", b"Subject: unsubscribe:x\r\n\r\n"),
        )
    ]
    for id_ in ids:
        taken(relay, f"{id_}: to=<")
    lines = (relay.dir / "log" / "intake.log").read_text().splitlines()
    assert all(": ignored: " in line for line in lines for id_ in ids if f" {id_}: to=" in line)
    assert types(relay, sent).count("delivery") <= 1
    assert not {"out_of_band", "spam_complaint", "list_unsubscribe"} & set(types(relay, sent))
    assert suppressions(relay, "victim@example.net") == set()
    for address in ("attacker@example.org", "a@example.org"):
        assert relay.outbox(address) == []
    assert "from=<>, to=<attacker" not in relay.maillog.read_text()


def test_mail_with_utf8_addresses_is_taken(relay: Relay, outside: Connection) -> None:
    outside.command("MAIL FROM:<jürgen@example.net> SMTPUTF8".encode())
    outside.command(f"RCPT TO:<abuse@{BOUNCES}>")
    assert outside.command("DATA").startswith("354")
    outside.send("Subject: für Menschen\r\n\r\nx\r\n.\r\n".encode())
    taken(relay, f"{queue_id(outside.reply())}: to=<abuse@{BOUNCES}>: kept for the operator")


def test_while_the_daemon_is_down_reports_wait(relay: Relay, outside: Connection) -> None:
    sent = relay.send(MESSAGE, "waiting@example.net")
    path = relay.copies(sent)[0].return_path
    victims = Victims(relay)
    [pid] = victims.pids("intake")
    victims.kill("intake")
    outside.message("", [path], returned.notice(returned.status_of("waiting@example.net")))
    victims.replaced("intake", pid)

    def told() -> bool:
        relay.flush()
        return "out_of_band" in types(relay, sent)

    wait(told, True, "the bounce is told of", 30.0)


def test_j4_a_storm_of_reports_is_taken_while_others_send(relay: Relay) -> None:
    sent = [relay.send(MESSAGE, f"storm{number}@example.net") for number in range(10)]
    paths = [relay.copies(each)[0].return_path for each in sent]
    begun = time.monotonic()
    with Connection(*relay.bounce_smtp) as outside:
        relay.begin(outside, tls=False)
        last = ""
        for number in range(STORM):
            recipient = returned.status_of(f"storm{number % 10}@example.net")
            last = queue_id(outside.message("", [paths[number % 10]], returned.notice(recipient)))
            if number % 100 == 0:
                assert relay.send(MESSAGE, "quick@example.net")
        outside.quit()
    taken(relay, f"{last}: to=<")
    assert time.monotonic() - begun < 30
    for each in sent:
        assert types(relay, each).count("out_of_band") == 1
