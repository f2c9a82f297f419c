"""Pools of addresses: which one a message leaves from, what the other side sees of it, what never leaves."""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from estafeta_core import secrets
from estafeta_testing import sandbox as testing
from estafeta_testing.outbox import Copy
from estafeta_testing.queue import copies_of, postfix, queue_manager_held
from estafeta_testing.relay import Relay, wait
from estafeta_testing.signatures import Records
from estafeta_testing.smtp import queue_id

POOLS = """\
ip_pools:
  own.pool: {helo: own.estafeta.example}
  nowhere: {}
"""
ACCOUNT = """\
account: {name}
dialect: sparkpost
defaults: {{transactional: true, return_path: {return_path}, ip_pool: "{default}"}}
ip_pools: [{pools}]
domains: {{{name}.example: {{verified: true}}}}
subaccounts:
  "7": {{domains: [seven.{name}.example], ip_pool: {own}}}
credentials:
  main: {{key: "{key}"}}
"""
MINE = ("127.0.0.2", "pool.estafeta.example")
OWN = ("127.0.0.2", "own.estafeta.example")
NONE = ("127.0.0.1", "mx.estafeta.example")
BODY = '<body><a href="https://example.com/">x</a></body>'
TRACKED = '"open_tracking": true, "click_tracking": true'


@dataclass(frozen=True, slots=True)
class Office:
    """A sandbox with pools, and two accounts that may use them: `pooled`, and `settled` with a default."""

    relay: Relay
    keys: dict[str, str]

    def ask(
        self,
        account: str,
        recipients: Sequence[str],
        header: str,
        *fields: str,
        part: str = "",
        padding: int = 0,
    ) -> str:
        """Send a message and return the reply; `part` is a subaccount, `padding` bytes make it longer."""
        sender = f"news@{'seven.' if part else ''}{account}.example"
        username = f"SMTP_Injection:X-MSYS-SUBACCOUNT={part}" if part else "SMTP_Injection"
        head = [
            f"From: {sender}",
            f"To: {recipients[0]}",
            "Content-Type: text/html",
            f"X-MSYS-API: {header}",
            *fields,
        ]
        content = "\r\n".join([*head, "", BODY + "<p>\r\n" * (padding // 5), ""])
        with self.relay.raw() as client:
            self.relay.begin(client, tls=False)
            assert client.login(username, self.keys[account]).startswith("235")
            reply = client.message(sender, recipients, content.encode())
            client.quit()
            return reply

    def send(
        self,
        account: str,
        recipients: Sequence[str],
        header: str,
        *fields: str,
        part: str = "",
        padding: int = 0,
    ) -> str:
        """Send a message and return its queue id."""
        return queue_id(self.ask(account, recipients, header, *fields, part=part, padding=padding))

    def peers(self, recipient: str) -> list[tuple[str, str]]:
        """Return from where a recipient's mail came, and what its client called itself."""
        outbox = self.relay.dir / "outbox"
        lines = (line.split(" ", 2) for line in (outbox / "peers").read_text().splitlines())
        return [
            (address, helo)
            for name, address, helo in lines
            if Copy.read((outbox / "new" / name).read_bytes()).delivered_to == recipient
        ]

    def delivered_by(self, id_: str) -> list[str]:
        """Return which transports have tried a queue file, as the log tells it."""
        return re.findall(rf" (\S+)\[\d+\]: {id_}: to=", self.relay.maillog.read_text())


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    keys = {name: secrets.generate_key() for name in ("pooled", "settled")}
    with testing.running(config=testing.QUICK + POOLS) as running:
        relay = Relay(running.description)
        for name, default, return_path in (("pooled", "", "keep"), ("settled", "my_ip_pool", "verp")):
            text = ACCOUNT.format(
                name=name,
                default=default,
                return_path=return_path,
                own="own.pool",
                pools="my_ip_pool, own.pool" + (", nowhere" if name == "pooled" else ""),
                key=secrets.hash_key(keys[name]),
            )
            (relay.accounts_dir / f"{name}.yaml").write_text(text)
        time.sleep(1.2)  # every process looks at the files for itself, twice a second
        yield Office(relay, keys)


def internal(copies: Sequence[Copy]) -> list[str]:
    return [name for copy in copies for name, _ in copy.headers if name.lower().startswith("x-estafeta")]


def test_s36_one_recipients_mail_leaves_from_the_pool(office: Office) -> None:
    sent = office.send("pooled", ["one@example.net"], '{"options": {"ip_pool": "my_ip_pool"}}')
    assert internal([office.relay.copy(sent)]) == []
    assert office.delivered_by(sent) == ["postfix/estafeta-pool-my_ip_pool/smtp"]
    assert office.peers("one@example.net") == [MINE]
    told = office.relay.events(sent, "injection", "delivery")
    assert [each["ip_pool"] for each in told] == ["my_ip_pool"] * 2


def test_s36_alike_copies_leave_from_the_pool_as_one_queue_file(office: Office) -> None:
    recipients = ["alike1@example.net", "alike2@example.org"]
    sent = office.send("pooled", recipients, '{"options": {"ip_pool": "my_ip_pool"}}')
    copies = office.relay.copies(sent)
    assert len(copies) == 2
    assert copies_of(office.relay, sent) == internal(copies) == []
    assert [office.peers(recipient) for recipient in recipients] == [[MINE]] * 2


def test_s36_copies_that_differ_leave_from_the_pool_each(office: Office) -> None:
    header = (
        f'{{"options": {{"ip_pool": "my_ip_pool", {TRACKED}}}, "cc": ["differ2@example.net"],'
        ' "bcc": ["differ3@example.net"], "archive": ["differ4@example.net"]}'
    )
    sent = office.send("pooled", ["differ1@example.net"], header)
    copies = office.relay.copies(sent)
    assert internal(copies) == []
    assert [office.peers(f"differ{n}@example.net") for n in (1, 2, 3, 4)] == [[MINE]] * 4
    for id_ in copies_of(office.relay, sent):
        assert office.delivered_by(id_) == ["postfix/estafeta-pool-my_ip_pool/smtp"]
    told = office.relay.events(sent, *["injection", "delivery"] * 4)
    assert {each["ip_pool"] for each in told if each["type"] == "delivery"} == {"my_ip_pool"}


@pytest.mark.parametrize(
    "pool", ["unknown", "nowhere", "MY_IP_POOL", "my_ip_pool ", "../private/smtp", "x:y"]
)
def test_d11_a_pool_that_is_not_the_accounts_is_refused(office: Office, pool: str) -> None:
    reply = office.ask("settled", ["refused@example.net"], f'{{"options": {{"ip_pool": "{pool}"}}}}')
    assert reply == f"550 5.6.0 No IP pool '{pool}' for this account"


def test_d11_a_subaccount_with_a_pool_of_its_own_may_use_no_other(office: Office) -> None:
    other = '{"options": {"ip_pool": "my_ip_pool"}}'
    reply = office.ask("pooled", ["refused@example.net"], other, part="7")
    assert reply == "550 5.6.0 No IP pool 'my_ip_pool' for this account"
    for number, header in enumerate(("{}", '{"options": {"ip_pool": "own.pool"}}')):
        recipient = f"part{number}@example.net"
        office.relay.copy(office.send("settled", [recipient], header, part="7"))
        assert office.peers(recipient) == [OWN]


def test_s36_an_account_has_a_default_and_a_message_may_say_otherwise(office: Office) -> None:
    office.relay.copy(office.send("settled", ["default@example.net"], "{}"))
    office.relay.copy(office.send("settled", ["chosen@example.net"], '{"options": {"ip_pool": "own.pool"}}'))
    assert office.peers("default@example.net") == [MINE]
    assert office.peers("chosen@example.net") == [OWN]


@pytest.mark.parametrize(
    "field", ["X-Estafeta-Pool: own.pool", "x-estafeta-pool: own.pool", "X-Estafeta-Pool : own.pool"]
)
def test_d11_a_pool_that_the_client_wrote_itself_says_nothing(office: Office, field: str) -> None:
    recipient = f"forged{len(field)}{field[0]}@example.net"
    for account, expected in (("pooled", NONE), ("settled", MINE)):
        copy = office.relay.copy(office.send(account, [recipient], "{}", field))
        assert b"own.pool" not in copy.message
        assert office.peers(recipient)[-1] == expected


def test_mail_waits_rather_than_leave_from_another_address(office: Office) -> None:
    address = "estafeta-pool-nowhere/unix/smtp_bind_address=192.0.2.77"  # none of this host's
    postfix(office.relay, "postconf", "-P", "-e", address)
    postfix(office.relay, "postfix", "reload")
    sent = office.send("pooled", ["waits@example.net"], '{"options": {"ip_pool": "nowhere"}}')
    *_, told = office.relay.events(sent, "injection", "delay")
    assert told["ip_pool"] == "nowhere"
    assert office.peers("waits@example.net") == []


def test_mail_for_a_pool_that_postfix_has_not_been_told_of_waits(office: Office) -> None:
    config = office.relay.config
    account = office.relay.accounts_dir / "settled.yaml"
    config.write_text(
        config.read_text().replace("ip_pools:\n", "ip_pools:\n  later: {bind_address: 127.0.0.4}\n")
    )
    account.write_text(account.read_text().replace("ip_pools: [", "ip_pools: [later, "))
    time.sleep(1.2)
    sent = office.send("settled", ["later@example.net"], '{"options": {"ip_pool": "later"}}')
    *_, told = office.relay.events(sent, "injection", "delay")
    assert "mail transport unavailable" in told["raw_reason"]
    assert office.peers("later@example.net") == []


def requeued(office: Office, id_: str) -> str:
    """Have Postfix queue a message anew and return its new queue id once it is there."""
    postfix(office.relay, "postsuper", "-r", id_)
    pattern = re.compile(rf"/pickup\[\d+\]: (\w+): uid=\d+ from=<.*> orig_id={id_}$", re.MULTILINE)

    def found() -> list[str]:
        office.relay.flush()
        return pattern.findall(office.relay.maillog.read_text())

    wait(lambda: len(found()), 1, f"{id_} is queued anew")
    return found()[0]


def queued(office: Office, id_: str) -> tuple[str, str]:
    """Return the first field of a queued message with its folds, and everything behind it."""
    content = postfix(office.relay, "postcat", "-hbq", id_)
    match = re.match(r"[^\n]*\n(?:[ \t][^\n]*\n)*", content)
    assert match
    return match[0], content[match.end() :]


def test_b16_a_bcc_copy_that_is_queued_anew_is_the_same_and_goes_by_its_pool(office: Office) -> None:
    header = f'{{"options": {{"ip_pool": "my_ip_pool", {TRACKED}}}, "bcc": ["defer-bcc@example.net"]}}'
    fields = ("Resent-To: bare, \u00dcnal <reader@EXAMPLE.net>", "X-Odd :  two  spaces ", "Reply-To: x")
    sent = office.send("pooled", ["requeue@example.net"], header, *fields)
    office.relay.events(sent, "injection", "injection", "delivery", "delay")
    (waiting,) = [id_ for id_ in copies_of(office.relay, sent) if not office.relay.gone(id_)]
    first, rest = queued(office, waiting)
    assert re.search("^Bcc: defer-bcc@example.net$", rest, re.MULTILINE)
    again = requeued(office, waiting)
    wait(lambda: len(office.delivered_by(again)) > 0, True, "it was tried again")
    added, same = queued(office, again)
    assert added.startswith("Received: ")
    assert same == first + rest
    assert set(office.delivered_by(again)) == {"postfix/estafeta-pool-my_ip_pool/smtp"}


def test_b16_what_was_queued_anew_arrives_from_its_pool(office: Office) -> None:
    with queue_manager_held(office.relay):
        sent = office.send("settled", ["anew@example.net"], "{}")
        postfix(office.relay, "postsuper", "-r", sent)
    office.relay.flush()
    *_, told = office.relay.events(sent, "injection", "delivery")
    assert told["ip_pool"] == "my_ip_pool"
    assert office.peers("anew@example.net") == [MINE]
    assert internal(office.relay.delivered(sent)) == []


def test_b16_a_signed_message_that_was_queued_anew_leaves_from_its_pool_and_verifies(office: Office) -> None:
    relay = office.relay
    header = f'{{"options": {{"ip_pool": "my_ip_pool", "dkim_key": "default", {TRACKED}}}}}'
    content = f"From: news@acme.example\r\nContent-Type: text/html\r\nX-MSYS-API: {header}\r\n\r\n{BODY}\r\n"
    with queue_manager_held(relay):
        sent = relay.send(content.encode(), "signed@example.net")
        postfix(relay, "postsuper", "-r", sent)
    relay.flush()
    relay.events(sent, "injection", "delivery")
    (copy,) = relay.delivered(sent)
    assert Records.of(relay.description).dkimpy(copy.message) == [True]
    assert office.peers("signed@example.net") == [MINE]


def notice(office: Office, recipient: str) -> Copy:
    """Return the one notice about a recipient that has come to the sender."""

    def found() -> list[Copy]:
        files = list((office.relay.dir / "outbox" / "new").iterdir())
        copies = (Copy.read(path.read_bytes()) for path in files)
        mine = [copy for copy in copies if copy.delivered_to == "news@pooled.example"]
        return [
            Copy(copy.return_path, copy.delivered_to, copy.message)
            for copy in mine
            if recipient.encode() in copy.message
        ]

    wait(lambda: len(found()), 1, f"the notice about {recipient}")
    return found()[0]


@pytest.mark.parametrize("size", [10, 60_000], ids=["whole", "header"])
def test_a_notice_to_the_sender_quotes_nothing_of_ours(office: Office, size: int) -> None:
    """Beyond 50,000 bytes Postfix quotes the header alone."""
    recipient = f"bounce-notice{size}@example.net"
    chosen = '{"options": {"ip_pool": "own.pool"}}'
    sent = office.send("pooled", [recipient], chosen, "X-Kept: yes", padding=size)
    office.relay.events(sent, "injection", "bounce")
    said = notice(office, recipient).message
    assert (b"text/rfc822-headers" in said) == (size > 50_000)
    assert b"estafeta-pool" not in said.lower()
    assert b"\r\nX-Kept: yes\r\n" in said


def test_a_notice_about_copies_that_were_never_made_quotes_no_job(office: Office) -> None:
    for size in (10, 60_000):
        recipients = [f"never{size}.{n}@example.net" for n in range(100)]
        with queue_manager_held(office.relay):
            sent = office.send(
                "pooled", recipients, f'{{"options": {{{TRACKED}}}}}', "X-Kept: yes", padding=size
            )
            postfix(office.relay, "postsuper", "-f", sent)
            assert "X-Estafeta-Job" in postfix(office.relay, "postcat", "-hq", sent)
        office.relay.flush()
        said = notice(office, recipients[0]).message
        assert (b"text/rfc822-headers" in said) == (size > 50_000)
        assert b"estafeta-job" not in said.lower()
        assert not re.search(rb"\r\n [A-Za-z0-9_.-]{40,}\r\n", said)
        assert b"\r\nX-Kept: yes\r\n" in said
