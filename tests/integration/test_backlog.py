"""What holds while more recipients wait than Postfix keeps in memory."""

import json
from collections.abc import Iterator

import pytest

from estafeta_testing import sandbox as testing
from estafeta_testing.queue import copies_of, postfix, queue_managers
from estafeta_testing.relay import SENDER, Relay, wait

IN_MEMORY = 10  # recipients; Postfix's default is 20,000
LISTED = [f"reader{number}@example{number % 7}.net" for number in range(3 * IN_MEMORY)]


@pytest.fixture(scope="module")
def full() -> Iterator[Relay]:
    """A sandbox whose queue manager keeps no more recipients than it has to take of each message."""
    with testing.running() as running:
        relay = Relay(running.description)
        for name in ("qmgr_message_recipient_limit", "qmgr_message_active_limit"):  # the first is never less
            postfix(relay, "postconf", "-e", f"{name} = {IN_MEMORY}")
        before = queue_managers(relay)
        postfix(relay, "postfix", "reload")
        wait(lambda: before.isdisjoint(queue_managers(relay)), True, "the queue manager is another one")
        yield relay


def message(**asked: object) -> bytes:
    head = f"From: {SENDER}\r\nContent-Type: text/html\r\nX-MSYS-API: {json.dumps(asked)}\r\n"
    return f'{head}\r\n<body><a href="https://example.com/">x</a></body>\r\n'.encode()


def test_each_of_many_listed_recipients_gets_his_own_copy(full: Relay) -> None:
    """The queue manager has to see the way that a message takes, not only its first recipients."""
    sent = full.send(message(bcc=LISTED, options={"click_tracking": True}), "first@example.com")
    copies = full.copies(sent)
    assert sorted(copy.delivered_to for copy in copies) == sorted(["first@example.com", *LISTED])
    assert len(copies_of(full, sent)) == len(copies)
    assert len({copy.body for copy in copies}) == len(copies)


def test_copies_that_are_alike_leave_from_the_pool(full: Relay) -> None:
    sent = full.send(
        message(bcc=LISTED[:1], archive=LISTED[1:], options={"transactional": True, "ip_pool": "my_ip_pool"}),
        "first@example.com",
    )
    assert len(full.copies(sent)) == 1 + len(LISTED)
    family = (sent, *copies_of(full, sent))
    ways = [line for line in full.maillog.read_text().splitlines() if " status=sent" in line]
    left = [line for line in ways if any(f": {id_}: " in line for id_ in family) and "-split/" not in line]
    assert left
    assert all("estafeta-pool-my_ip_pool/smtp" in line for line in left)
