"""What `estafeta explain` says, held to what really happens: the same replies, the same copies.

Each message is explained first, then sent through the sandbox. Ids and the tokens that hold them are named
after what they stand for, and so are what Postfix alone knows (queue id, date) and the values of signatures.
"""

import base64
import contextlib
import email
import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from estafeta_core.config.live import Live
from estafeta_core.identity import Identity
from estafeta_postfix.explain.asked import Asked
from estafeta_postfix.explain.copies import letter
from estafeta_postfix.explain.explanation import Explanation, explain
from estafeta_postfix.explain.known import open_known
from estafeta_testing import peers, session, stored, testcase
from estafeta_testing import sandbox as testing
from estafeta_testing.outbox import Copy
from estafeta_testing.relay import SENDER, Relay
from estafeta_testing.smtp import stuffed

FOLDER = Path(__file__).parents[1] / "testcases"
QUEUED = " queued as "
LONG = 990  # bytes of a line: smtp(8) breaks those of more than 998 on the way out


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    """A sandbox of this file alone: what bounces here is suppressed, and the same sessions run elsewhere."""
    with testing.running() as running:
        made = Relay(running.description)
        peers.add(made)
        yield made


@dataclass(frozen=True, slots=True)
class Case:
    """A message and who sends it."""

    raw: bytes
    recipients: tuple[str, ...] = ("alice@example.net",)
    sender: str = SENDER
    credential: str = "acme/main"
    username: str | None = None
    listener: str = "sparkpost-587"
    tls: bool = False

    def identity(self) -> Identity:
        _, _, subaccount = (self.username or "").partition("=")
        account, _, name = self.credential.partition("/")
        return Identity(account, name, subaccount or None)


def of_testcase(path: Path, relay: Relay) -> Iterator[Case]:
    """Yield every message that the session of a file sends."""
    read = testcase.read(path)
    playing = session._Session(relay, None)  # type: ignore[arg-type] # nothing is said: lines are expanded
    for step in read.steps:
        if isinstance(step, testcase.Send):
            yield Case(
                raw=b"".join(playing._expanded(line) + b"\r\n" for line in step.lines),
                recipients=step.recipients,
                sender=step.sender,
                credential=read.login,
                username=read.username,
                listener=read.listener,
                tls=read.tls,
            )


def explained(relay: Relay, case: Case) -> Explanation:
    live = Live(relay.config)
    tls = relay.listener(case.listener).tls
    asked = Asked(
        identity=case.identity(),
        listener=case.listener,
        client_address="127.0.0.1",
        secured=case.tls or tls in ("required", "implicit"),
        sender=case.sender,
        recipients=case.recipients,
        raw=case.raw,
    )
    with contextlib.closing(open_known(live.current.config.store)) as store:
        return explain(live, store, asked, lambda: datetime.now(UTC))


def sent(relay: Relay, case: Case) -> list[str]:
    """Send a message command by command and return every reply from MAIL on."""
    with relay.session(
        case.credential, username=case.username, listener=case.listener, tls=case.tls
    ) as client:
        replies = [client.command(f"MAIL FROM:<{case.sender}>")]
        if replies[0].startswith("250"):
            replies += [client.command(f"RCPT TO:<{address}>") for address in case.recipients]
            replies.append(client.command("DATA"))
        if replies[-1].startswith("354"):
            client.send(stuffed(case.raw))
            replies.append(client.reply())
        return replies


class Reading:
    """A copy with names instead of ids, tokens and what differs each time."""

    def __init__(self, relay: Relay, ids: dict[int, str], queue_id: str) -> None:
        self._links = relay.links
        self._ids = ids
        self._queue_id = queue_id

    def text(self, raw: bytes) -> str:
        text = raw.decode("utf-8", "surrogateescape").replace(self._queue_id, "QUEUEID")
        text = re.sub(r"(?<=/[couwfi]/)[A-Za-z0-9_-]{30,}", self._token, text)
        text = re.sub(r"(?<=subject=unsubscribe:)[A-Za-z0-9_-]+", self._token, text)
        return re.sub(r"b\+[a-z2-7]+@", self._bounce, text)

    def field(self, name: str, value: bytes) -> tuple[str, str]:
        name, text = name.strip(), self.text(value.replace(b"\r\n", b"\n"))
        match name.lower():
            case "date" | "resent-date":
                return name, "a date"
            case "x-msfbl":
                found = self._links.read_msfbl(value.decode())
                assert found is not None, value
                who = self._ids[found.message_id]
                return name, f"{found.customer_id} {found.subaccount_id} {who} {found.rcpt_to}"
            case "dkim-signature":
                tags = (tag.strip() for tag in text.split(";"))
                return name, "; ".join(tag for tag in tags if not re.match(r"b=|bh=|t=|x=", tag))
        return name, text if max(map(len, text.split("\n"))) < LONG else "".join(text.split())

    def content(self, headers: Sequence[tuple[str, bytes]], body: bytes) -> str:
        """Return a body to the byte; of one with encoded parts, what they hold."""
        block = b"".join(name.encode("latin-1") + b": " + value + b"\r\n" for name, value in headers)
        whole = re.sub(rb"\r?\n", b"\r\n", block) + b"\r\n" + body
        if re.search(rb"(?i)content-transfer-encoding: *(base64|quoted-printable)", whole):
            leaves = (part for part in email.message_from_bytes(whole).walk() if not part.is_multipart())
            return "\0".join(self.text(bytes(leaf.get_payload(decode=True))) for leaf in leaves)
        text = self.text(body)
        return text if max(map(len, text.split("\r\n"))) < LONG else "".join(text.split())

    def _token(self, match: re.Match[str]) -> str:
        token = self._links.read(match[0])
        if token is None:
            return match[0]
        target = self.text(token.target)  # a file's link is itself one with a token
        return f"{{{token.kind.name} {token.shared} {self._ids[token.id]} {target} {token.name}}}"

    def _bounce(self, match: re.Match[str]) -> str:
        token = self._links.read_bounce_address(f"{match[0]}x")
        return match[0] if token is None else f"{{bounce {token.shared} {self._ids[token.id]}}}@"


Read = tuple[str, str, list[tuple[str, str]], str]


def told_copies(relay: Relay, explanation: Explanation) -> list[Read]:
    """Return the copies that were foretold."""
    going = explanation.held.going
    if going is None:
        return []
    proposal = going.proposal
    ids = {number: address for address, number in proposal.ids.messages.items()}
    reading = Reading(relay, ids | {proposal.ids.transmission: "transmission"}, "no queue id")
    # The server that plays the world refuses an address that begins with one of these.
    taken = [each for each in proposal.verdict.going if not each.address.startswith(("bounce", "defer"))]
    letters = [letter(going, recipient) for recipient in taken]
    return sorted(
        (
            each.address,
            reading.text(each.message.sender.encode()),
            [reading.field(header.name, header.value) for header in each.message.headers],
            reading.content(
                [(header.name, header.value) for header in each.message.headers], each.message.body
            ),
        )
        for each in letters
    )


def real_copies(relay: Relay, queue_id: str) -> list[Read]:
    """Return the copies that came out; without the Received that Postfix puts on top of each hop."""
    copies = relay.copies(queue_id)
    if not copies:
        return []
    found = relay.found(queue_id)
    ids = {message.message_id: message.raw_rcpt_to for message in found.messages}
    reading = Reading(relay, ids | {found.transmission.transmission_id: "transmission"}, queue_id)
    return sorted(
        (
            copy.delivered_to,
            reading.text(copy.return_path.encode()),
            [reading.field(name, value) for name, value in without_hops(copy)],
            reading.content(without_hops(copy), copy.body),
        )
        for copy in copies
    )


def without_hops(copy: Copy) -> Sequence[tuple[str, bytes]]:
    headers = copy.headers
    own = next(place for place, (name, _) in enumerate(headers) if name != "Received")
    return headers[own:]


def hold_to_the_truth(relay: Relay, case: Case) -> Explanation:
    """Explain a message, send it, and compare; return the explanation."""
    explanation = explained(relay, case)
    replies = sent(relay, case)
    said = [reply.line for reply in explanation.held.replies if reply.command != "AUTH"]
    settled, _, queue_id = replies[-1].partition(QUEUED)
    assert said == [*replies[:-1], settled + (f"{QUEUED}QUEUEID" if queue_id else "")]
    assert (explanation.outcome == "accepted") == bool(queue_id)
    if queue_id:
        assert told_copies(relay, explanation) == real_copies(relay, queue_id)
    return explanation


def sending() -> list[Path]:
    """Return the files whose sessions send something, and that say who logs in."""
    files = {path: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.testcase"))}
    return [path for path, text in files.items() if "\nsend " in text and "login:" in text]


@pytest.mark.parametrize("path", sending(), ids=lambda path: path.stem)
def test_what_is_foretold_of_a_testcase_is_what_happens(path: Path, relay: Relay) -> None:
    for case in of_testcase(path, relay):
        hold_to_the_truth(relay, case)


HEAD = f"From: {SENDER}\r\n".encode()
LINKED = b'Content-Type: text/html\r\n\r\n<a href="https://example.com/1">x</a>\r\n'


def asking(said: str) -> bytes:
    return HEAD + f"X-MSYS-API: {said}\r\n".encode() + LINKED


LISTS = (
    '{"cc": [{"email": "Carol@EXAMPLE.net", "name": "Carol Ünal"}, "dave@example.net"],'
    ' "bcc": ["erin@example.net", "alice@example.net"], "archive": ["frank@example.net",'
    ' "suppressed@example.net"], "options": {"click_tracking": true}}'
)
ODD = {
    "an mbox file": b"From x@example.net Mon Jan  1 00:00:00 2026\r\n>From again\r\n" + HEAD + b"\r\nx\r\n",
    "a From line among the fields": HEAD + b"From x\r\nSubject: a\r\n\r\nx\r\n",
    "a first line that begins with a blank": b" x\r\n" + HEAD + b"\r\nx\r\n",
    "no line between header and body": HEAD + b"this is no field\r\nx\r\n",
    "a blank line that continues a field": HEAD + b"Subject: a\r\n \r\nX-B: c\r\n\r\nx\r\n",
    "NUL": HEAD + b"Subject: a\0b\r\n c\0d\r\nX-B: c\r\n\r\nh\0i\r\n",
    "a line that ends with two CR": HEAD + b"Subject: a\r\r\nX-B: c\r\r\n\r\r\nx\r\r\n",
    "CR inside a line": HEAD + b"Subject: a\rb\r\n\r\nh\ri\r\n",
    "fields of a message sent again": HEAD + b"Resent-To: x@example.net\r\n\r\nx\r\n",
    "fields that Postfix drops": HEAD
    + b"Bcc: x\r\nContent-Length: 3\r\nReturn-Path: <x>\r\nbcc : y\r\n"
    + b"Subject:a\r\nX-T:\tb\r\nX-S:  c\r\n\r\nx\r\n",
    "a field of 70,000 bytes": HEAD + b"X-Long: " + b"x" * 70_000 + b"\r\n\r\nx\r\n",
    "a folded field of 70,000 bytes": HEAD
    + b"X-Long: "
    + b"\r\n ".join([b"x" * 900] * 80)
    + b"\r\n\r\nx\r\n",
    "a fold far ahead of the cut": HEAD + b"X-Long: x\r\n " + b"y" * 70_000 + b"\r\n\r\nx\r\n",
    "bytes that are no UTF-8": HEAD + b"Subject: \xe9\xff\r\nX-\xe9: x\r\n\r\n\xe9\r\n",
    "nothing at all": b"",
    "a body alone": b"\r\nx\r\n",
    "a field without a name": HEAD + b": x\r\nx\r\n",
    "48 hops": HEAD + b"X-First: 1\r\n" + b"Received: x\r\n" * 48 + b"\r\nx\r\n",
    "49 hops": HEAD + b"Received: x\r\n" * 49 + b"\r\nx\r\n",
    "bare line feeds": HEAD.replace(b"\r", b"") + b"Subject: a\n b\n\nx\ny\r\n",
}


@pytest.mark.parametrize("name", ODD)
def test_what_postfix_makes_of_odd_lines_is_foretold(name: str, relay: Relay) -> None:
    hold_to_the_truth(relay, Case(ODD[name]))


TABLE = {
    "every kind of recipient": Case(asking(LISTS)),
    "several RCPT TO and lists": Case(asking(LISTS), ("alice@example.net", "Grace@EXAMPLE.net")),
    "copies that are alike": Case(
        asking('{"cc": ["carol@example.net"], "options": {"transactional": true}}'),
        ("alice@example.net", "bob@example.net"),
    ),
    "a bcc alone makes copies differ": Case(
        asking('{"bcc": ["bob@example.net"], "options": {"transactional": true}}')
    ),
    "an archive of a suppressed recipient": Case(
        asking('{"archive": ["bob@example.net"], "options": {"open_tracking": true}}'),
        ("suppressed@example.net",),
    ),
    "a key that is not there": Case(asking('{"options": {"dkim_key": "nowhere"}}')),
    "a pool that is not there": Case(asking('{"options": {"ip_pool": "nowhere"}}')),
    "a pool": Case(asking('{"options": {"ip_pool": "my_ip_pool"}}')),
    "another key": Case(asking('{"options": {"dkim_key": "marketing"}}')),
    "more than a thousand in lists": Case(
        asking(json.dumps({"cc": [f"r{n}@example.net" for n in range(1001)]}))
    ),
    "a Cc that would be too long": Case(
        asking(json.dumps({"cc": [f"{'r' * 50}{n}@{'d' * 60}.example" for n in range(500)]}))
    ),
    "one of three recipients is none": Case(
        asking("{}"), ("alice@example.net", "alice", "bob@-example.net", "bob@example.net")
    ),
    "no recipient is one": Case(asking("{}"), ("alice", "bob@example..net")),
    "a sender that is none": Case(asking("{}"), sender="news@acme..example"),
    "the null sender": Case(asking("{}"), sender=""),
    "a sender without a domain": Case(asking("{}"), sender="root"),
    "a null sender without a From": Case(b"Subject: x\r\n\r\nx\r\n", sender=""),
    "a subaccount": Case(
        asking("{}").replace(b"@acme", b"@sub.acme"), username="SMTP_Injection:X-MSYS-SUBACCOUNT=123"
    ),
    "perfit": Case(
        b"From: yo@midominio.example\r\n" + LINKED,
        sender="yo@midominio.example",
        credential="micuenta/main",
        listener="perfit-2525",
    ),
    "perfit, too large": Case(
        b"From: yo@midominio.example\r\n\r\n" + b"x" * 70 * 200_000 + b"\r\n",
        sender="yo@midominio.example",
        credential="micuenta/main",
        listener="perfit-2525",
    ),
    "teenvio, recipients alone": Case(
        b"", sender="remitente@dominio.example", credential="plan/usuario", listener="teenvio-58700"
    ),
    "devino, several recipients": Case(
        b"From: noreply@devino.example\r\nTo: x@example.net\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n",
        ("alice@example.net", "bob@example.net", "unsubscribed@example.net"),
        sender="noreply@devino.example",
        credential="website/1website",
        listener="devino-465",
    ),
    "devino, a recipient that is none": Case(
        b"From: noreply@devino.example\r\n\r\nx\r\n",
        ("alice", "alice@example..net"),
        sender="noreply@devino.example",
        credential="website/1website",
        listener="devino-465",
    ),
    "emitlo, another domain": Case(
        b"From: hello@other.example\r\n\r\nx\r\n",
        sender="hello@yourdomain.example",
        credential="yourdomain/prod",
        listener="emitlo-587",
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_what_is_foretold_is_what_happens(name: str, relay: Relay) -> None:
    hold_to_the_truth(relay, TABLE[name])


def test_nothing_is_sent_counted_stored_or_kept(relay: Relay) -> None:
    tables = stored.tables(relay.description["store"])

    def everything() -> tuple[object, ...]:
        # What was put off before is tried again now and then, and each time that is an event.
        told = {name: f"SELECT * FROM {name}" for name in tables}
        told["events"] += " WHERE type != 'delay'"
        rows = [sorted(map(repr, relay.sql(query))) for query in told.values()]
        hosted = sorted(path for path in (relay.dir / "state").rglob("hosted/*/*"))
        return rows, hosted, len(relay.everything_delivered())

    before = None
    while (now := everything()) != before:  # what was sent before is still told of in the log
        before = now
        time.sleep(1)
    attached = (
        b"From: remitente@dominio.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
        b"Content-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\nContent-Type: text/plain\r\n\r\nx\r\n"
        b"--c\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n--c--\r\n--b\r\nContent-Type: application/pdf\r\n"
        b"Content-Disposition: attachment; filename=never-kept.pdf\r\n\r\nnever kept\r\n--b--\r\n"
    )
    case = Case(
        attached, sender="remitente@dominio.example", credential="plan/usuario", listener="teenvio-58700"
    )
    explanation = explained(relay, case)
    assert explanation.decision is not None
    assert explanation.decision.files == 1
    assert everything() == before


def test_a_limit_is_asked_and_nothing_is_taken_from_it(relay: Relay) -> None:
    five = tuple(f"r{number}@example.net" for number in range(5))
    case = Case(
        b"From: hello@yourdomain.example\r\n\r\nx\r\n",
        five,
        sender="hello@yourdomain.example",
        credential="yourdomain/limited",
        listener="emitlo-587",
    )
    for _ in range(2):
        lines = [reply.line for reply in explained(relay, case).held.replies if "RCPT" in reply.command]
        assert [line[:3] for line in lines] == ["250", "250", "250", "451", "451"]
        assert lines[3] == (
            "451 4.7.1 <r3@example.net>: Recipient address rejected:"
            " Per-minute rate limit exceeded. Retry after 60 seconds."
        )


def test_the_command_shows_every_copy_and_ends_with_the_answer(relay: Relay, tmp_path: Path) -> None:
    path = tmp_path / "message.eml"
    path.write_bytes(asking(LISTS).replace(b"\r\n", b"\n"))
    common = (str(path), "--credential", "acme/main", "--from", SENDER, "--to", "alice@example.net")
    page = relay.estafeta("explain", *common)
    assert page.returncode == 0, page.stderr
    for words in ("copy for alice@example.net (to)", "copy for Carol@EXAMPLE.net (cc)", "1 more copy"):
        assert words in page.stdout
    said = json.loads(relay.estafeta("explain", "--json", *common).stdout)
    assert [(copy["rcpt_to"], copy["rcpt_type"]) for copy in said["copies"]] == [
        ("alice@example.net", "to"),
        ("Carol@EXAMPLE.net", "cc"),
        ("dave@example.net", "cc"),
        ("erin@example.net", "bcc"),
        ("frank@example.net", "archive"),
    ]
    refused = relay.estafeta(
        "explain", str(path), "--credential", "acme/main", "--from", SENDER, "--to", "alice"
    )
    assert refused.returncode == 1
    assert "refused for good" in refused.stdout


def test_what_is_followed_out_of_an_explanation_is_recorded_by_nobody(relay: Relay) -> None:
    going = explained(relay, Case(asking('{"options": {"click_tracking": true}}'))).held.going
    assert going is not None
    made = letter(going, going.proposal.verdict.going[0]).message
    unsubscribe = re.search(rb"<(http[^>]*/u/[^>]*)>", b"\n".join(header.value for header in made.headers))
    click = re.search(rb'href="([^"]*/c/[^"]*)"', made.body)
    assert unsubscribe is not None
    assert click is not None
    before = relay.sql("SELECT count(*) FROM events"), relay.sql("SELECT count(*) FROM suppressions")
    assert relay.http("GET", click[1].decode()).location == b"https://example.com/1"
    relay.http("POST", unsubscribe[1].decode(), "List-Unsubscribe=One-Click")
    after = relay.sql("SELECT count(*) FROM events"), relay.sql("SELECT count(*) FROM suppressions")
    assert after == before


def test_the_signature_of_a_copy_that_never_left_can_be_read_like_any_other(relay: Relay) -> None:
    going = explained(relay, Case(asking("{}"))).held.going
    assert going is not None
    made = letter(going, going.proposal.verdict.going[0]).message
    (value,) = (header.value for header in made.headers if header.key == "dkim-signature")
    tags = dict(tag.split(b"=", 1) for tag in b"".join(value.split()).rstrip(b";").split(b";"))
    assert tags[b"d"] == b"acme.example"
    assert len(base64.b64decode(tags[b"b"])) >= 64
