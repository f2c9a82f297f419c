"""What a message for one recipient changes, in a real store."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest

from estafeta_core.links import Links
from estafeta_core.store import Store
from estafeta_core.store.rows import Event, Message, Suppression, Transmission
from estafeta_postfix.mail_intake.intake import NO_TOKEN, NOBODY, Intake, Outcome, queue_id
from estafeta_postfix.mail_intake.mail import opened
from estafeta_testing import returned
from estafeta_testing.injections import PAYLOADS
from estafeta_testing.returned import LINKS, notice, status_of
from estafeta_testing.stored import IDS, make_rows

FOREIGN = Links([bytes(range(1, 33))], "https://click.example.com", "bounce.example.com")
FBL = "fbl@bounce.example.com"
UNSUBSCRIBE = "unsubscribe@bounce.example.com"


@dataclass
class Post:
    """An intake, and a message of three recipients that it may be told about."""

    store: Store
    intake: Intake
    transmission_id: int
    ids: dict[str, int]

    @property
    def id(self) -> int:
        """The message to alice."""
        return self.ids["alice@example.net"]

    def take(self, recipient: str, raw: bytes, sender: str = "") -> Outcome:
        """Take a message in, and write what it changes."""
        outcome = self.intake.take(opened(sender, recipient, raw))
        self.store.record(outcome.rows)
        return outcome

    def told(self) -> list[tuple[str, str]]:
        """Return type and recipient of every event that came by mail."""
        found = [each for each in self.store.events() if each.event.type not in {"injection", "delivery"}]
        return sorted((each.event.type, each.message.rcpt_to) for each in found if each.message)

    def suppressed(self) -> set[str]:
        """Return whom the account mails no more, for any type."""
        return self.store.is_suppressed("acme", None, self.ids, ["transactional", "non_transactional"])


@pytest.fixture
def post(store: Store) -> Post:
    rows = make_rows("alice@example.net", "bob@example.net", "carol@example.net")
    store.record(rows)
    assert isinstance(rows[0], Transmission)
    ids = {row.rcpt_to: row.message_id for row in rows if isinstance(row, Message)}
    return Post(store, Intake(store, LINKS, "mx.example.com", IDS), rows[0].transmission_id, ids)


def test_a_bounce_to_a_copys_return_path_is_that_copys(post: Post) -> None:
    outcome = post.take(LINKS.bounce_address(post.id), notice())
    assert outcome.what == f"out-of-band bounce of message {post.id}, class 10, status 5.1.1, suppressed"
    assert post.told() == [("out_of_band", "alice@example.net")]
    assert post.suppressed() == {"alice@example.net"}


def test_a_bounce_of_a_forwarded_message_is_that_of_the_address_written_to(post: Post) -> None:
    post.take(LINKS.bounce_address(post.id), notice(status_of("elsewhere@example.org")))
    assert post.told() == [("out_of_band", "alice@example.net")]


@pytest.mark.parametrize("domain", [None, "bounces.acme.example"])
def test_case_and_domain_of_a_return_path_do_not_matter(post: Post, domain: str | None) -> None:
    post.take(LINKS.bounce_address(post.id, domain).upper(), notice())
    assert len(post.told()) == 1


def test_a_shared_return_path_needs_the_recipient(post: Post) -> None:
    shared = LINKS.bounce_address(post.transmission_id, shared=True)
    assert post.take(shared, notice(status_of("stranger@example.org"))).what == NOBODY
    assert post.told() == []
    post.take(shared, notice(status_of("Bob@Example.net"), status_of("carol@example.net"), status_of("x@y")))
    assert post.told() == [("out_of_band", "bob@example.net"), ("out_of_band", "carol@example.net")]
    assert post.suppressed() == {"bob@example.net", "carol@example.net"}


def test_an_event_has_what_the_log_has_told_of_the_delivery(post: Post) -> None:
    data = {
        "queue_time": "40",
        "num_retries": "2",
        "delv_method": "esmtp",
        "ip_address": "192.0.2.1",
        "x": "y",
    }
    delivery = Event(IDS.next(), "delivery", 5, post.transmission_id, post.id, "acme", None, data)
    post.store.record([delivery])
    post.take(LINKS.bounce_address(post.id), notice())
    said = post.store.events(types=["out_of_band"])[0].event.data
    assert {name: said.get(name) for name in data} == data | {"x": None}


def forged(post: Post) -> dict[str, tuple[str, bytes]]:
    """Return messages that look right and carry no token of ours for their purpose."""
    address = LINKS.bounce_address(post.id)
    last = "a" if address.partition("@")[0][-1] != "a" else "b"
    url = LINKS.unsubscribe_mailto(post.id).rpartition(":")[2]
    opening = LINKS.pixel(post.id, initial=False).rpartition("/")[2].removesuffix(".gif")
    clicking = LINKS.click(post.id, "https://example.com/").rpartition("/")[2]
    return {
        "a token with one letter changed": (address.replace("@", f"{last}@"), notice()),
        "a foreign token": (FOREIGN.bounce_address(post.id), notice()),
        "a token for links as a return path": (f"b+{opening}@bounce.example.com", notice()),
        "no token": ("b+@bounce.example.com", notice()),
        "an address without a tag": ("bounces@bounce.example.com", notice()),
        "a foreign X-MSFBL": (
            FBL,
            returned.complaint(FOREIGN.msfbl("acme", "0", post.id, "alice@example.net")),
        ),
        "an X-MSFBL in pieces": (FBL, returned.complaint("AAAA|AAAA")),
        "no X-MSFBL": (FBL, returned.complaint()),
        "an opening as unsubscribe": (UNSUBSCRIBE, f"Subject: unsubscribe:{opening}\r\n\r\n".encode()),
        "a click as unsubscribe": (UNSUBSCRIBE, f"Subject: unsubscribe:{clicking}\r\n\r\n".encode()),
        "a return path as unsubscribe": (
            UNSUBSCRIBE,
            f"Subject: unsubscribe:{address[2:49]}\r\n\r\n".encode(),
        ),
        "a token cut short": (UNSUBSCRIBE, f"Subject: unsubscribe:{url[:-1]}\r\n\r\n".encode()),
        "a foreign unsubscribe": (
            UNSUBSCRIBE,
            f"Subject: unsubscribe:{FOREIGN.unsubscribe_mailto(post.id).rpartition(':')[2]}\r\n\r\n".encode(),
        ),
        "a bounce to fbl": (FBL, notice()),
        "a bounce to unsubscribe": (UNSUBSCRIBE, notice()),
    }


def test_j1_what_carries_no_token_of_ours_changes_nothing(post: Post) -> None:
    for what, (recipient, raw) in forged(post).items():
        outcome = post.take(recipient, raw)
        assert outcome.rows == [], what
        assert outcome.what.startswith("ignored: "), what
    assert post.told() == []
    assert not post.suppressed()


def test_j1_a_key_that_is_gone_opens_nothing(post: Post) -> None:
    address, msfbl = LINKS.bounce_address(post.id), LINKS.msfbl("acme", "0", post.id, "alice@example.net")
    post.intake.links = FOREIGN
    assert post.take(address, notice()).what == NO_TOKEN
    assert post.take(FBL, returned.complaint(msfbl)).what == NO_TOKEN
    post.intake.links = Links([bytes(range(1, 33)), bytes(range(32))], "https://x.example", "b.example")
    post.take(address, notice())
    assert post.told() == [("out_of_band", "alice@example.net")]


def test_a_token_of_a_message_that_is_forgotten_changes_nothing(post: Post) -> None:
    assert post.take(LINKS.bounce_address(12345), notice()).what == NOBODY
    assert post.take(FBL, returned.complaint(LINKS.msfbl("acme", "0", 12345, "a@b"))).what == NOBODY


QUIET = {
    "a delay": notice(status_of(fields="Action: delayed\r\nStatus: 4.4.1")),
    "a success": notice(status_of(fields="Action: delivered\r\nStatus: 2.0.0")),
    "given up after days": notice(status_of(fields="Action: failed\r\nStatus: 4.4.7")),
    "a vacation note": b"Auto-Submitted: auto-replied\r\nSubject: Away\r\n\r\n550 5.1.1 is it\r\n",
    "a note that quotes a bounce": b"X-Autoreply: yes\r\n\r\n<alice@example.net>:\r\n550 No\r\n",
    "a letter": b"From: alice@example.net\r\nSubject: Re: Hello\r\n\r\nThanks!\r\n",
    "a receipt": returned.multipart(
        "disposition-notification", "", ("message/disposition-notification", "A: b")
    ),
    "a notice of this host": notice(mta="MX.example.com"),
    "a bounce that quotes a bounce": notice(
        status_of(fields="Action: delayed\r\nStatus: 4.0.0"), quoted=notice().decode().replace("=_b", "=_c")
    ),
    "nothing": b"",
}


@pytest.mark.parametrize("raw", QUIET.values(), ids=QUIET)
@pytest.mark.parametrize("sender", ["", "alice@example.net", "MAILER-DAEMON@example.net"])
def test_j2_answers_delays_and_our_own_notices_change_nothing(post: Post, raw: bytes, sender: str) -> None:
    for address in (LINKS.bounce_address(post.id), FBL, UNSUBSCRIBE):
        outcome = post.take(address, raw, sender)
        assert outcome.rows == []
        assert not outcome.keep
    assert post.told() == []


def test_an_odd_bounce_of_somebody_else_changes_nothing(post: Post) -> None:
    raw = b"From: MAILER-DAEMON@x.example\r\nX-Failed-Recipients: other@example.org\r\n\r\nfailed\r\n"
    assert post.take(LINKS.bounce_address(post.id), raw).what == NOBODY
    assert post.told() == []


def test_an_odd_bounce_counts_where_the_token_is_ours(post: Post) -> None:
    raw = (
        b"From: MAILER-DAEMON@x.example\r\nSubject: failure notice\r\n\r\n"
        b"Hi. This is the qmail-send program at x.example.\r\n\r\n"
        b"<alice@example.net>:\r\nSorry, no mailbox here by that name. (#5.1.1)\r\n\r\n"
        b"--- Below this line is a copy of the message.\r\n"
    )
    post.take(LINKS.bounce_address(post.id), raw)
    assert post.told() == [("out_of_band", "alice@example.net")]
    assert post.suppressed() == {"alice@example.net"}


@pytest.mark.parametrize("recipient", [FBL, "abuse@bounce.example.com", "b+x@bounce.example.com"])
def test_a_complaint_is_one_wherever_it_comes_to(post: Post, recipient: str) -> None:
    raw = returned.complaint(LINKS.msfbl("acme", "0", post.id, "alice@example.net"))
    outcome = post.take(recipient, raw)
    assert outcome.what == f"spam complaint (abuse) about message {post.id}, suppressed"
    assert outcome.keep is recipient.startswith("abuse")
    assert post.told() == [("spam_complaint", "alice@example.net")]


def test_a_complaint_about_copies_that_are_alike_needs_the_recipient(post: Post) -> None:
    shared = LINKS.msfbl("acme", "0", post.transmission_id, None)
    assert post.take(FBL, returned.complaint(shared)).what == NOBODY
    post.take(FBL, returned.complaint(shared, more="Original-Rcpt-To: <bob@example.net>\r\n"))
    assert post.told() == [("spam_complaint", "bob@example.net")]


def test_a_complaint_that_quotes_no_field_is_known_by_the_return_path(post: Post) -> None:
    more = f"Original-Mail-From: <{LINKS.bounce_address(post.id)}>\r\n"
    post.take(FBL, returned.complaint(more=more))
    assert post.told() == [("spam_complaint", "alice@example.net")]


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", "nonsense"])
def test_a_report_that_is_no_complaint_changes_nothing(post: Post, kind: str) -> None:
    raw = returned.complaint(LINKS.msfbl("acme", "0", post.id, "alice@example.net"), kind)
    assert post.take(FBL, raw).what == f"ignored: a report of type {kind!r}"
    assert post.told() == []


@pytest.mark.parametrize(
    "subject",
    [
        "unsubscribe:{}",
        "UNSUBSCRIBE: {} ",
        "\r\n unsubscribe:{}",
        "=?utf-8?q?unsubscribe:?={}",
        "unsubscribe:\r\n {}",
    ],
)
def test_an_unsubscribe_by_mail_is_one_however_its_subject_is_written(post: Post, subject: str) -> None:
    token = LINKS.unsubscribe_mailto(post.id).rpartition(":")[2]
    raw = f"From: a@b.example\r\nSubject: {subject.format(token)}\r\n\r\n".encode()
    post.take("Unsubscribe@bounce.example.com", raw, "alice@home.example")
    assert post.told() == [("list_unsubscribe", "alice@example.net")]
    assert post.suppressed() == {"alice@example.net"}
    assert post.store.events(types=["list_unsubscribe"])[0].event.data["mailfrom"] == "alice@home.example"


@pytest.mark.parametrize("local_part", ["postmaster", "Abuse"])
def test_mail_for_people_is_kept(post: Post, local_part: str) -> None:
    outcome = post.take(f"{local_part}@bounce.example.com", b"Subject: help\r\n\r\n", "a@b.example")
    assert outcome == Outcome("kept for the operator", keep=True)


def test_a_suppression_stays_as_it_is(post: Post, tmp_path: Path) -> None:
    post.store.record(
        [Suppression("acme", None, "alice@example.net", "transactional", "Manually Added", "mine", 1)]
    )
    post.take(LINKS.bounce_address(post.id), notice())
    post.take(FBL, returned.complaint(LINKS.msfbl("acme", "0", post.id, "alice@example.net")))
    with sqlite3.connect(tmp_path / "estafeta.db") as connection:
        rows = connection.execute("SELECT type, source FROM suppressions ORDER BY type").fetchall()
    connection.close()
    assert rows == [("non_transactional", "Bounce Rule"), ("transactional", "Manually Added")]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_field_of_a_report_brings_a_line_end_into_an_event(post: Post, payload: str) -> None:
    fields = f"Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 {payload}"
    head = f"From: {payload}\r\n"
    msfbl = LINKS.msfbl("acme", "0", post.id, "alice@example.net")
    post.take(LINKS.bounce_address(post.id), notice(status_of(payload, fields), head=head, mta=payload))
    raw = returned.complaint(msfbl, more=f"Reporting-MTA: dns; {payload}\r\nOriginal-Rcpt-To: {payload}\r\n")
    post.take(FBL, raw.replace(b"SomeGenerator/1.0", payload.encode()))
    for found in post.store.events(types=["out_of_band", "spam_complaint"]):
        for value in found.event.data.values():
            assert len(str(value).splitlines()) <= 1
            assert len(str(value)) <= 1000


@pytest.mark.parametrize(
    ("received", "id_"),
    [
        (
            "from a (b)\r\n\tby mx.example.com (Postfix) with ESMTPS id 4jd20S5vWhzJM7v\r\n\tfor <x>;",
            "4jd20S5vWhzJM7v",
        ),
        ("by mx.example.com (Postfix)\r\n\tid 4jd20S5vWhzJM7v; Sun, 29 Nov", "4jd20S5vWhzJM7v"),
        ("nothing", "?"),
    ],
)
def test_the_queue_id_is_that_of_the_received_field_on_top(received: str, id_: str) -> None:
    raw = f"Received: {received}\r\nReceived: by other id 0000000000\r\n\r\n".encode()
    assert queue_id(opened("", "x", raw)) == id_
    assert queue_id(opened("", "x", b"Subject: x\r\n\r\n")) == "?"
