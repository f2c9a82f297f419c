"""What has been tried to get at copies, signatures and pools: each of these once worked, or nearly."""

import re

import pytest

from estafeta_testing.queue import copies_of, postfix, queue_manager_held
from estafeta_testing.relay import SENDER, Relay, wait
from estafeta_testing.smtp import Connection, queue_id

BOTH = ("alice@example.net", "bob@example.net")
OURS = b"X-Estafeta-Pool: my_ip_pool\r\nX-ESTAFETA-JOB : a.b\r\n c\r\n"


def message(options: str, *fields: str, body: str = '<a href="https://example.com/">x</a>') -> bytes:
    head = [f"From: News <{SENDER}>", "Content-Type: text/html", *fields, f"X-MSYS-API: {options}"]
    return "\r\n".join([*head, "", body, ""]).encode()


def handover(relay: Relay) -> Connection:
    """Connect to the loopback port at which Postfix hands over copies, as any user of the host can."""
    master_cf = (relay.dir / "postfix" / "conf" / "master.cf").read_text()
    found = re.search(r"FILTER estafeta-split:\[127\.0\.0\.1\]:(\d+)", master_cf)
    assert found is not None
    connection = Connection("127.0.0.1", int(found[1]))
    relay.begin(connection, tls=False)
    return connection


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Subject: offer", b"Subject: pay here"),
        (b"Content-Type: text/html", b"Content-Type: text/plain"),
        (b"Subject: offer", b"Subject: offer\r\nReply-To: mallory@example.net"),
        (b"Subject: offer", b"Subject: offer\r\nSubject: pay here"),
        (b"Cc: boss@acme.example\r\n", b""),
    ],
    ids=["changed", "type", "added", "twice", "gone"],
)
def test_a_job_signs_no_message_with_another_header(relay: Relay, old: bytes, new: bytes) -> None:
    """It had been bound to From, Message-ID and body: any other field got the customer's signature."""
    with queue_manager_held(relay):
        sent = relay.send(message("{}", "Cc: boss@acme.example", "Subject: offer"), *BOTH)
        queued = postfix(relay, "postcat", "-hbq", sent).replace("\n", "\r\n").encode()
        assert old in queued
        with handover(relay) as connection:
            reply = connection.message(SENDER, BOTH[:1], queued.replace(old, new, 1))
            assert reply.startswith("451 4.7.1 "), reply
    assert len(relay.copies(sent)) == len(copies_of(relay, sent)) == 2


@pytest.mark.parametrize("kind", ["cc", "bcc", "archive"])
def test_an_address_that_postfix_does_not_take_is_refused_at_once(relay: Relay, kind: str) -> None:
    """Its copy would wait for days, because smtpd refuses a minus in front, and then bounce."""
    with relay.session() as client:
        reply = client.message(SENDER, BOTH[:1], message(f'{{"{kind}": ["-f@example.net"]}}'))
        assert re.match(r"550 5\.6\.0 X-MSYS-API .* holds an invalid address", reply), reply
        assert client.command(f"MAIL FROM:<{SENDER}>").startswith("250")
        assert client.command("RCPT TO:<-f@example.net>").startswith("501")


@pytest.mark.parametrize("style", ["border=0", "*zoom: 1", "[[colour]]", "{{style}}", "@x", "color", "'"])
def test_a_style_that_no_reader_knows_keeps_no_mail_from_going(relay: Relay, style: str) -> None:
    """css-inline gives up the whole text for one; the message was deferred each time it was sent."""
    raw = message(
        '{"options": {"inline_css": true}}', body=f'<style>p{{a:b}}</style><p style="{style}">x</p>'
    )
    for copy in relay.copies(relay.send(raw, *BOTH)):
        assert f'<p style="a: b;{style}">x</p>'.encode() in copy.body


def test_what_comes_from_outside_is_led_nowhere_when_it_is_queued_anew(relay: Relay) -> None:
    """`postsuper -r` has all fields looked at, and anybody may send a bounce."""
    with queue_manager_held(relay):
        with Connection(*relay.bounce_smtp) as outside:
            relay.begin(outside, tls=False)
            bounce = queue_id(
                outside.message(
                    "", ["postmaster@bounce.estafeta.example"], OURS + b"Subject: from outside\r\n\r\nx\r\n"
                )
            )
        postfix(relay, "postsuper", "-r", bounce)
    relay.flush()

    def kept() -> list[bytes]:
        relay.flush()  # pickup(8) would look by itself within a minute
        folder = relay.dir / "state" / "intake" / "new"
        found = [path.read_bytes() for path in folder.iterdir()] if folder.is_dir() else []
        return [each for each in found if b"Subject: from outside" in each]

    wait(lambda: len(kept()), 1, "the bounce is kept")
    assert b"estafeta-pool" not in kept()[0].lower()
    assert b"estafeta-job" not in kept()[0].lower()
