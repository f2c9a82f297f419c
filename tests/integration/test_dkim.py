"""What leaves is signed: every copy that Postfix sends verifies, with dkimpy and with opendkim."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from estafeta_postfix import dkim_keys
from estafeta_testing import sandbox as testing
from estafeta_testing.queue import queue_manager_held
from estafeta_testing.relay import SENDER, Relay, wait
from estafeta_testing.signatures import Records, tags
from estafeta_testing.smtp import queue_id

TWO = ("alice@example.net", "bob@example.org")
TRACKED = b'X-MSYS-API: {"options": {"open_tracking": true, "click_tracking": true}}\r\n'
NOTICED = 1.5  # seconds; each process looks twice a second
LINK = "<a href='https://shop.example/a?b=1'>x</a>\r\n"
PARTS = (
    "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello https://shop.example/  \r\n"
    f"--b\r\nContent-Type: text/html\r\n\r\n<html><body>{LINK}</body></html>\r\n--b--\r\n"
).encode()


def head(*fields: str | bytes) -> bytes:
    given = (field.encode() if isinstance(field, str) else field for field in fields)
    return b"".join(field + b"\r\n" for field in (f"From: {SENDER}".encode(), *given)) + b"\r\n"


def chosen(key: str, *fields: str) -> bytes:
    return head(f'X-MSYS-API: {{"options": {{"dkim_key": {json.dumps(key)}}}}}', *fields) + b"Hello\r\n"


MESSAGES = {
    "plain": head("To: a@example.net", "Subject: hi") + b"Hello\r\n",
    "multipart": head("MIME-Version: 1.0", "Content-Type: multipart/alternative; boundary=b") + PARTS,
    "8-bit": head("Subject: caf\u00e9", "Content-Type: text/plain; charset=utf-8") + "caf\u00e9\r\n".encode(),
    "quoted-printable": head("Content-Type: text/html", "Content-Transfer-Encoding: quoted-printable")
    + b"<p>caf=C3=A9 <a href=3D'https://a.example/'>=\r\nx</a>=20\r\n",
    "base64": head("Content-Type: text/html", "Content-Transfer-Encoding: base64")
    + b"PHA+aGVsbG8gPC9wPg==\r\n",
    "white space": head("Subject:   two  words \r\n\t \r\n  more\t") + b"a  \t b \r\n\t\r\n \r\n\r\n\r\n",
    "no body": head(),
    "no line end": head() + b"Hello",
    "dots": head() + b".\r\n..\r\n.x\r\n",
    "octets": head() + bytes(range(1, 10)) + bytes(range(14, 256)) + b"\r\na\rb\r\r\n",
    "long lines": head() + b"".join(b"x" * n + b"\r\n" for n in (998, 999, 1995, 2048, 4096, 10_000)),
    "long lines tracked": TRACKED + head("Content-Type: text/html") + LINK.encode().rstrip() * 500 + b"\r\n",
    "fields twice": head("To:a@example.net,\r\n b@example.net", "To: c@example.net", "Cc:", "Reply-To:   "),
    "a space before the colon": head("Subject : hello", "To :x@example.net"),
    "stray signs in fields": head(b"In-Reply-To: a\rb", b"References: a\x0b<b>\x0c", b"Subject: a\x00b")
    + b"\xe9\r\n",
    "a field on one long line": head("Subject: " + "x " * 700, "References: " + "y" * 1500),
    "signed before": head("DKIM-Signature: v=1; a=rsa-sha256; d=other.example; s=x; h=from; b=") + b"x\r\n",
}  # fmt: skip


@pytest.fixture(scope="module")
def records(relay: Relay) -> Records:
    return Records.of(relay.description)


def assert_signed(records: Records, message: bytes, selector: str = "default") -> None:
    """Hold a message to a valid signature behind those that it had."""
    theirs = re.sub(rb"^DKIM-Signature:.*other\.example.*\r\n", b"", message, flags=re.MULTILINE)
    records.assert_valid(theirs, selector)


@pytest.mark.parametrize("recipients", [TWO[:1], TWO], ids=["one", "two"])
@pytest.mark.parametrize("raw", MESSAGES.values(), ids=MESSAGES)
def test_every_copy_verifies(relay: Relay, records: Records, raw: bytes, recipients: tuple[str, ...]) -> None:
    copies = relay.copies(relay.send(raw, *recipients))
    assert len(copies) == len(recipients)
    for copy in copies:
        assert_signed(records, copy.message)
        assert copy.headers[-1][0] == "DKIM-Signature"
        assert not [name for name, _ in copy.headers if name.lower().startswith(("x-msys", "x-estafeta"))]


@pytest.mark.parametrize("recipients", [TWO[:1], TWO], ids=["one", "two"])
def test_f21_tracked_copies_verify_each_with_its_own_links(
    relay: Relay, records: Records, recipients: tuple[str, ...]
) -> None:
    copies = relay.copies(relay.send(TRACKED + MESSAGES["multipart"], *recipients))
    for copy in copies:
        assert_signed(records, copy.message)
        covered = tags(copy.message)["h"].split(":")
        assert {"List-Unsubscribe", "List-Unsubscribe-Post", "X-MSFBL"} <= set(covered)
    assert len({tags(copy.message)["bh"] for copy in copies}) == len(recipients)


def test_s42_to_s46_the_copies_of_every_kind_verify(relay: Relay, records: Records) -> None:
    lists = {"cc": ["cc1", "cc2", "cc3"], "bcc": ["bcc1", "bcc2", "bcc3"], "archive": ["ar1", "ar2"]}
    asked: dict[str, object] = {
        kind: [{"email": f"{name}@example.net", "name": f"Jos\u00e9 {name}"} for name in names]
        for kind, names in lists.items()
    }
    asked["options"] = {"open_tracking": True, "click_tracking": True}
    raw = f"X-MSYS-API: {json.dumps(asked)}\r\n".encode() + MESSAGES["multipart"]
    copies = relay.copies(relay.send(raw, TWO[0]))
    assert len(copies) == 9
    for copy in copies:
        assert_signed(records, copy.message)
        covered = tags(copy.message)["h"].split(":")
        assert (covered.count("Cc"), covered.count("Bcc")) == (2, 0)


@pytest.mark.parametrize("key", ["default", "marketing", "ed25519"])
def test_s38_a_message_chooses_its_key(relay: Relay, records: Records, key: str) -> None:
    for copy in relay.copies(relay.send(chosen(key), *TWO)):
        assert_signed(records, copy.message, key)


@pytest.mark.parametrize("key", ["pending", "nope", "../../etc/passwd", "%s%n", "a\r\nBcc: x@y.example"])
def test_s38_d11_a_key_that_is_unknown_or_not_verified_is_refused(relay: Relay, key: str) -> None:
    with relay.session() as client:
        reply = client.message(SENDER, [TWO[0]], chosen(key))
    assert reply.startswith("550 5.6.0 No verified DKIM key '"), reply
    assert reply.endswith("' for the domain acme.example"), reply


def test_a_domain_without_keys_is_not_signed_for(relay: Relay) -> None:
    with relay.session(username="SMTP_Injection:X-MSYS-SUBACCOUNT=123") as client:
        raw = b"From: x@sub.acme.example\r\n\r\nHello\r\n"
        reply = client.message("x@sub.acme.example", [TWO[0]], raw)
    copy = relay.copy(queue_id(reply))
    assert copy.values("DKIM-Signature") == []


def test_the_command_prints_the_records_of_the_sandbox(relay: Relay) -> None:
    said = json.loads(relay.estafeta("dkim", "record", "--json").stdout)
    verified = [
        {"domain": each["domain"], "selector": each["selector"], "record": each["record"]}
        for each in said
        if each["verified"]
    ]
    assert verified == relay.description["dkim"]


@pytest.fixture
def own() -> Iterator[Relay]:
    """A sandbox of this test alone, whose keys and accounts are changed."""
    with testing.running() as running:
        yield Relay(running.description)


def test_keys_change_while_mail_is_queued(own: Relay) -> None:
    """A copy is made with the keys that are there by then, and waits where there is none."""
    account = own.dir / "accounts.d" / "acme.yaml"
    key = own.dir / "keys" / "dkim" / "acme-default.pem"
    log = own.dir / "log" / "milter.log"
    before = account.read_text()
    with queue_manager_held(own):
        sent = [own.send(chosen(name), *TWO) for name in ("default", "marketing")]
        put(key, dkim_keys.make("rsa"))  # another key in the same file
        put(account, re.sub(r" *marketing: .*\n", "", before).encode())  # and one key less
        time.sleep(NOTICED)
    records = Records.of({"dkim": json.loads(own.estafeta("dkim", "record", "--json").stdout)})
    for each in sent:
        for copy in own.copies(each):
            assert_signed(records, copy.message, "default")
    with queue_manager_held(own):
        waiting = own.send(chosen("ed25519"), *TWO)
        put(account, re.sub(r"(?s) *dkim:.*?(?=  new\.example)", "", before).encode())
        time.sleep(NOTICED)
    told = (
        "no key may sign for acme.example any more (name a verified one in domains.acme.example.dkim.default)"
    )
    wait(lambda: log.read_text().count(told) >= 2, True, "both wait")
    assert own.delivered(waiting) == []
    put(account, before.encode())
    time.sleep(NOTICED)
    own.flush()
    for copy in own.copies(waiting):
        assert_signed(records, copy.message, "ed25519")


def put(path: Path, data: bytes) -> None:
    """Replace a file in one step."""
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(data)
    new.rename(path)


@pytest.mark.release
def test_a_key_file_that_is_gone_delays_mail_and_loses_none(own: Relay) -> None:
    """It is read when it is first needed; until then it must not be missed."""
    key = own.dir / "keys" / "dkim" / "acme-marketing.pem"
    kept = key.with_suffix(".kept")
    shutil.move(key, kept)
    with own.session() as client:
        reply = client.message(SENDER, [TWO[0]], chosen("marketing"))
    assert reply.startswith("4"), reply
    log = (own.dir / "log" / "milter.log").read_text()
    assert f"domains.acme.example.dkim.keys.marketing: {key} cannot be read: No such file" in log
    said = own.estafeta("check", "--offline")
    assert said.returncode == 1
    assert f"dkim.keys.marketing: {key} cannot be read" in said.stdout
    shutil.move(kept, key)

    def taken() -> bool:
        with own.session() as client:
            return client.message(SENDER, [TWO[0]], chosen("marketing")).startswith("250")

    wait(taken, True, "the key is found again")


def test_the_daemons_that_sign_nothing_know_nothing_of_keys(relay: Relay) -> None:
    for role in ("sasl", "policy", "web"):
        maps = subprocess.run(
            ["cat", f"/proc/{relay.description['processes'][role]}/maps"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert "cryptography" not in maps.stdout, role
