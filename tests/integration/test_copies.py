"""Messages whose copies differ: one queue file for all, split by Postfix, a copy made at each handover."""

import base64
import contextlib
import random
import re
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from estafeta_testing import sandbox as testing
from estafeta_testing.outbox import Copy
from estafeta_testing.queue import copies_of, postfix, queue_manager_held, split_lines
from estafeta_testing.relay import SENDER, Relay, wait
from estafeta_testing.smtp import Connection, queue_id, stuffed
from estafeta_testing.victims import Victims

THREE = ("alice@example.net", "Bob@EXAMPLE.net", "carol@example.org")
TRACKED = b'X-MSYS-API: {"options": {"open_tracking": true, "click_tracking": true}}\r\n'
LINKS = 20
PATIENCE = 60.0


def message(marker: str = "marker", *fields: bytes) -> bytes:
    links = "".join(f'<a href="https://example.com/{marker}/{n}">x</a>\r\n' for n in range(LINKS))
    head = f"From: {SENDER}\r\nSubject: {marker}\r\nContent-Type: text/html\r\n".encode()
    return head + b"".join(fields or (TRACKED,)) + f"\r\n<body>{links}</body>\r\n".encode()


def clicks(relay: Relay, copy: Copy) -> list[str]:
    """Return the links of a copy that lead to the web service."""
    return re.findall(rf'href="({re.escape(relay.web)}/c/[^"]*)"', copy.body.decode())


def assert_whole(relay: Relay, copy: Copy, marker: str, message_id: int) -> None:
    """Hold a copy to its own marker and recipient, everywhere, and to all that has to be done to it."""
    bounce = relay.links.read_bounce_address(copy.return_path)
    feedback = relay.links.read_msfbl(copy.value("X-MSFBL"))
    tokens = [relay.links.read(url.rpartition("/")[2]) for url in clicks(relay, copy)]
    assert bounce is not None
    assert feedback is not None
    assert (bounce.id, feedback.message_id, feedback.rcpt_to) == (message_id, message_id, copy.delivered_to)
    assert [token and (token.id, token.target.decode()) for token in tokens] == [
        (message_id, f"https://example.com/{marker}/{n}") for n in range(LINKS)
    ]
    assert copy.body.count(b"/o/") == 2
    assert not [name for name, _ in copy.headers if name.lower().startswith(("x-msys", "x-estafeta"))]
    assert len(copy.values("List-Unsubscribe")) == 1


def ids(relay: Relay, sent: str) -> dict[str, int]:
    return {found.raw_rcpt_to: found.message_id for found in relay.found(sent).messages}


@pytest.fixture(scope="module")
def broken() -> Iterator[Relay]:
    """A sandbox of this file alone, whose parts are stopped and killed."""
    with testing.running(config=f"{testing.QUICK}store_timeout: 2\n") as running:
        yield Relay(running.description)


def handover(relay: Relay) -> Connection:
    """Connect to the loopback port at which Postfix hands over copies, as any user of the host can."""
    master_cf = (relay.dir / "postfix" / "conf" / "master.cf").read_text()
    found = re.search(r"FILTER estafeta-split:\[127\.0\.0\.1\]:(\d+)", master_cf)
    assert found is not None
    connection = Connection("127.0.0.1", int(found[1]))
    relay.begin(connection, tls=False)
    return connection


def test_s45_three_recipients_get_three_copies_and_a_click_tells_whose_it_was(relay: Relay) -> None:
    sent = relay.send(message(), *THREE)
    copies = relay.copies(sent)
    numbers = ids(relay, sent)
    assert Counter(copy.delivered_to for copy in copies) == Counter(THREE)
    for copy in copies:
        assert_whole(relay, copy, "marker", numbers[copy.delivered_to])
    bob = next(copy for copy in copies if copy.delivered_to == THREE[1])
    assert relay.http("GET", clicks(relay, bob)[7]).location == b"https://example.com/marker/7"
    events = relay.events(sent, *["injection", "delivery"] * 3, "click")
    (click,) = [event for event in events if event["type"] == "click"]
    assert (click["rcpt_to"], click["message_id"]) == ("bob@example.net", str(numbers[THREE[1]]))
    assert click["target_link_url"] == "https://example.com/marker/7"
    assert Counter(event["raw_rcpt_to"] for event in events if event["type"] == "delivery") == Counter(THREE)
    assert len({event["transmission_id"] for event in events}) == 1


def test_a_transmission_is_found_by_the_queue_id_of_any_copy(relay: Relay) -> None:
    sent = relay.send(message(), *THREE)
    relay.copies(sent)
    relay.events(sent, *["injection", "delivery"] * 3)
    said = {id_: relay.estafeta("show", id_).stdout for id_ in (sent, *copies_of(relay, sent))}
    assert len(said) == 4
    assert len(set(said.values())) == 1
    assert said[sent].startswith(f"transmission {relay.found(sent).transmission.transmission_id}, ")


@pytest.mark.parametrize("recipients", [THREE[:1], THREE])
def test_what_needs_no_copies_is_one_queue_file(relay: Relay, recipients: tuple[str, ...]) -> None:
    asked = b'X-MSYS-API: {"options": {"transactional": true}}\r\n'
    sent = relay.send(message("alike", asked), *recipients)
    assert len(relay.copies(sent)) == len(recipients)
    assert copies_of(relay, sent) == []
    alone = relay.send(message(), THREE[0])
    assert len(relay.copies(alone)) == 1
    assert copies_of(relay, alone) == []


@pytest.mark.parametrize(
    "body",
    [
        b"x" * 5000 + b"\r\n",
        bytes(range(1, 10)) + bytes(range(14, 256)) + b"\r\n",
        "\u00e9\u4e2d\r\n".encode() * 100,
        b".\r\n..\r\n.x\r\n",
        b"",
        b"\r\n\r\n",
    ],
    ids=["long", "octets", "utf-8", "dots", "empty", "blank"],
)
def test_the_handover_changes_no_byte_of_the_body(relay: Relay, body: bytes) -> None:
    """List-Unsubscribe alone makes the copies differ: the body is compared with that of a message to one."""
    raw = f"From: {SENDER}\r\nContent-Type: application/octet-stream\r\n\r\n".encode() + body
    alone = relay.copy(relay.send(raw))
    sent = relay.send(raw, *THREE)
    copies = relay.copies(sent)
    assert len(copies_of(relay, sent)) == len(copies) == 3
    assert {copy.body for copy in copies} == {alone.body}
    names = [name for name, _ in alone.headers]
    assert [[name for name, _ in copy.headers][1:] for copy in copies] == [names] * 3


STRAY = b'<p>a\rb</p>\n<a href="https://a.example/">\r\r\n\x0b\x0c\x00x</a> \t\r\n \r'
HTML = b"Content-Type: text/html; charset=iso-8859-1\r\n"
STRANGE = {
    "stray line ends": HTML + b"\r\n" + STRAY,
    "stray line ends in base64": HTML
    + b"Content-Transfer-Encoding: base64\r\n\r\n"
    + base64.encodebytes(STRAY),
    "stray line ends in quoted-printable": HTML
    + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    + STRAY.replace(b"=", b"=3D").replace(b"\r", b"=0D").replace(b"\n", b"=0A"),
    "a line that has to be encoded": HTML + b"\r\n" + STRAY * 30 + b"\xe9" * 5000,
    "an id on many lines": b"Message-ID: <x\r\n\t y"
    + b"\r\n z" * 20_000
    + b"@acme.example>\r\n"
    + HTML
    + b"\r\n<p>",
    "bytes in the fields": b"Message-ID:\t<\xe9\x00\x01@x> \t\r\n\t\r\nX: \x00\r\n" + HTML + b"\r\n" + STRAY,
    "a field that is cut": b"X-Note: " + b"a b\r\n\t" * 15_000 + b"end\r\n" + HTML + b"\r\n<p>",
    "a field on one line that is cut": b"X-Note: " + b"a b " * 20_000 + b"\r\n" + HTML + b"\r\n<p>",
    "fields in strange spelling": b"To: bob, root\r\nTO\t : x\r\ncc: a@x (\r\nReply-To :\r\n\ty\r\nBcc: z\r\n"
    b"Return-Path: <z>\r\nContent-Length: 9\r\nReceived: from x\r\n" + HTML + b"\r\n<p>",
    "many fields": b"X-Note: a\r\n" * 5000 + HTML + b"\r\n<p>",
    "two ids": b"Message-ID: <a@x>\r\nMessage-Id : <b@x>\r\nMESSAGE-ID:\r\n" + HTML + b"\r\n<p>",
    "no fields": b"\r\n" + STRAY,
}


@pytest.mark.parametrize("sender", [f"From: {SENDER}", f"From:\t=?utf-8?q?J?=\r\n\t\r\n <{SENDER}>  "])
@pytest.mark.parametrize("raw", STRANGE.values(), ids=STRANGE)
def test_what_is_handed_over_is_what_was_queued_however_strange(
    relay: Relay, raw: bytes, sender: str
) -> None:
    """Else no job would fit: it is bound to all that the message says."""
    sent = relay.send(TRACKED + sender.encode() + b"\r\n" + raw, *THREE)
    assert len(relay.copies(sent)) == len(copies_of(relay, sent)) == 3


def test_an_address_outside_ascii_and_the_parameters_of_dsn_pass_the_handover(relay: Relay) -> None:
    with relay.session() as client:
        parameters = ("SMTPUTF8", "RET=HDRS", "ENVID=e1")
        assert client.command(f"MAIL FROM:<{SENDER}> {' '.join(parameters)}").startswith("250")
        for recipient in ("jos\u00e9@example.net", "bounce@example.net"):
            assert client.command(f"RCPT TO:<{recipient}> NOTIFY=NEVER").startswith("250")
        assert client.command("DATA").startswith("354")
        client.send(stuffed(message()))
        sent = queue_id(client.reply())
    (copy,) = relay.copies(sent)
    assert copy.delivered_to == "jos\u00e9@example.net"
    assert_whole(relay, copy, "marker", ids(relay, sent)[copy.delivered_to])
    relay.events(sent, "injection", "injection", "delivery", "bounce")
    log = relay.maillog.read_text()
    assert not [id_ for id_ in (sent, *copies_of(relay, sent)) if f"{id_}: sender non-delivery" in log]


def test_a_message_that_came_a_long_way_is_no_loop(relay: Relay) -> None:
    hops = b"Received: from a.example by b.example; Fri, 20 Nov 2026 16:40:41 +0000\r\n" * 48
    assert len(relay.copies(relay.send(hops + message(), *THREE))) == 3


def test_b15_nobody_on_this_host_sends_without_a_job(relay: Relay) -> None:
    for fields in (b"", b"X-Estafeta-Job: forged\r\n"):
        with handover(relay) as connection:
            reply = connection.message("root@localhost", ["mallory@example.net"], message("relayed", fields))
            assert reply.startswith("451 4.7.1 "), reply


def test_a_body_without_any_field_is_answered_at_once(relay: Relay) -> None:
    """From DATA libmilter knows no way to a body but by a field, and would let Postfix wait for it."""
    started = time.monotonic()
    for content in (b"\r\nbody\r\n", b"body\r\n", b""):
        with handover(relay) as connection:
            reply = connection.message("root@localhost", ["mallory@example.net"], content)
            assert reply.startswith("451 4.7.1 "), reply
    assert time.monotonic() - started < 10


def test_what_anybody_says_to_come_from_nothing_known_is_not_kept(relay: Relay) -> None:
    with handover(relay) as connection:
        assert connection.command("XFORWARD IDENT=4Xunknown").startswith("250")
        assert connection.message(SENDER, ["mallory@example.net"], message()).startswith("451")
    wait(lambda: "orig_queue_id=4Xunknown" in relay.maillog.read_text(), True, "what was said is in the log")
    sent = relay.send(message(), *THREE)  # whose events come behind it
    relay.events(sent, *["injection", "delivery"] * 3)
    assert relay.sql("SELECT * FROM requeued WHERE original = ?", "4Xunknown") == []
    assert len(relay.sql("SELECT * FROM requeued WHERE original = ?", sent)) == 3


def test_the_handover_refuses_nothing_for_good_whatever_is_said(relay: Relay) -> None:
    with handover(relay) as connection:
        for line in (
            "AUTH PLAIN AAAA",
            "MAIL FROM:<a@b.example> X=1",
            "RCPT TO:<a@b.example>",
            "STARTTLS",
            "X",
        ):
            assert connection.command(line).startswith("4"), line
        hops = b"Received: from a.example by b.example; Fri, 20 Nov 2026 16:40:41 +0000\r\n" * 200
        assert connection.message(SENDER, ["a@b.example"], hops + message()).startswith("4")


def test_a_job_is_good_for_none_but_its_message_and_recipients(broken: Relay) -> None:
    """Root alone can read the queue; even he cannot have a copy sent to somebody else, or another message."""
    with queue_manager_held(broken):
        sent = broken.send(message(), *THREE)
        queued = postfix(broken, "postcat", "-hq", sent)
        (job,) = re.findall(r"^X-Estafeta-Job: .*\n(?: .*\n)*", queued, re.MULTILINE)
        stolen = job.replace("\n", "\r\n").encode()
        with handover(broken) as connection:
            for recipient in ("mallory@example.net", THREE[0]):
                reply = connection.message(SENDER, [recipient], message("stolen", stolen))
                assert reply.startswith("451 4.7.1 "), reply
    assert len(broken.copies(sent)) == 3


def test_copies_are_made_while_the_store_is_away(broken: Relay) -> None:
    with contextlib.ExitStack() as locked:
        with queue_manager_held(broken):
            sent = broken.send(message(), *THREE)
            numbers = ids(broken, sent)
            locked.enter_context(broken.locked_store())
        copies = broken.copies(sent)
        for copy in copies:
            assert_whole(broken, copy, "marker", numbers[copy.delivered_to])
        assert len(copies) == 3
    broken.events(sent, *["injection", "delivery"] * 3)


def test_kills_of_milter_and_worker_between_the_stages_lose_and_double_nothing(broken: Relay) -> None:
    """Killed at random while messages are split; Postfix is told to try again at once."""
    chance = random.Random(20261120)
    victims = Victims(broken)
    sent: dict[str, tuple[str, list[str]]] = {}  # queue id: marker and recipients
    for round_ in range(10):
        marker = f"round{round_}"
        recipients = [f"reader{round_}x{number}@example{number % 7}.net" for number in range(15)]
        with contextlib.suppress(AssertionError, ConnectionError), broken.session() as client:
            reply = client.message(SENDER, recipients, message(marker))
            assert reply.startswith(("250", "4")), reply
            if reply.startswith("250"):
                sent[queue_id(reply)] = (marker, recipients)
        for _ in range(3):
            time.sleep(chance.uniform(0.0, 0.04))
            victims.kill_worker("milter", chance.randrange(8))
        if round_ in {3, 7}:
            dead = victims.pids("worker")[0]
            victims.kill("worker")
            victims.replaced("worker", dead)
        broken.flush()
    assert len(sent) >= 5
    assert any("451 4.7.1 Service unavailable" in line for line in split_lines(broken)), "none hit a copy"

    def left() -> list[str]:
        broken.flush()
        return [id_ for id_ in sent if not broken.gone(id_)]

    wait(left, [], "every message and copy has left the queue", PATIENCE)
    for id_, (marker, recipients) in sent.items():
        copies = broken.delivered(id_)
        assert Counter(copy.delivered_to for copy in copies) == Counter(recipients)
        numbers = ids(broken, id_)
        for copy in copies:
            assert_whole(broken, copy, marker, numbers[copy.delivered_to])
        broken.events(id_, *["injection", "delivery"] * len(recipients))


def test_a_split_that_is_given_up_is_a_bounce_of_everybody_it_kept_waiting(broken: Relay) -> None:
    """Whoever takes a signing key away while mail is queued lets it wait for the key, and in the end fail."""
    key = broken.dir / "keys" / "link.key"
    with queue_manager_held(broken):
        sent = broken.send(message("late"), *THREE)
        key.write_text("f" * 64)
        time.sleep(1.2)  # every process looks at the files for itself, twice a second
    wait(lambda: bool([line for line in split_lines(broken) if sent in line]), True, "the split is deferred")
    events = broken.events(sent)
    assert {event["type"] for event in events} == {"injection"}, "the recipients have not been tried"
    postfix(broken, "postsuper", "-e", sent)
    broken.flush()
    events = broken.events(sent, *["injection", "bounce"] * 3)
    bounces = [event for event in events if event["type"] == "bounce"]
    assert {event["bounce_class"] for event in bounces} == {"24"}
    assert broken.delivered(sent) == []
