"""Installing into an operator's own Postfix, and taking it out: real daemons, mail of both, real kills."""

import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from estafeta_core.config.schema import Listener
from estafeta_postfix.checks.run import run
from estafeta_postfix.checks.setup import Setup
from estafeta_postfix.checks.table import CHECKS
from estafeta_postfix.install.records import Records
from estafeta_testing.operators import Operators, operators
from estafeta_testing.queue import queue_manager_held
from estafeta_testing.receipts import PLAN, RECEIPT, SENDER, message
from estafeta_testing.relay import Relay, wait

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="Postfix can only be started by root")

TRACKED = b'X-MSYS-API: {"options": {"open_tracking": true, "click_tracking": true}}\r\n'
KILLS = 20
GATE_KILLS = 1  # of these, for each change; all before a release
# Parts that nobody could say before, or that change with each message.
ANEW = re.compile(
    rb"[0-9A-F]{10,}|\w{3}, +\d+ \w{3} \d{4} [\d:]{8} \+0000 \(UTC\)|t=\d+|bh=[^;]*|b=[^;]*?(?=\n\S)",
    re.DOTALL,
)
ODD = (
    b"From: A <a@elsewhere.example>\nTo: boss@office.example\nSubject: =?utf-8?q?odd?= %b\nX-Office: x\n"
    b"Bcc: hidden@office.example\nX-Estafeta: mine\nMIME-Version: 1.0\n"
    b'Content-Type: multipart/mixed; boundary="b"\n\nbefore\n'
    b"--b\nContent-Type: message/rfc822\nX-Office: part\n\n"
    b"X-Estafeta-Job: quoted\nX-Office: attached\n\nquoted\n--b\nContent-Type: text/plain\n\n%b \xff\n--b--\n"
)


@pytest.fixture(scope="module")
def office() -> Iterator[Operators]:
    with operators() as running:
        yield running


@pytest.fixture
def untouched(office: Operators) -> Iterator[Operators]:
    """The same, as its operator left it, before and after."""
    before = office.texts()
    yield office
    office.done("uninstall")
    for name, text in before.items():
        (office.directory / name).write_bytes(text)
    office.postfix("postfix", "reload")
    assert office.texts() == before


def edit(office: Operators, old: str, new: str) -> None:
    """Replace a text once in main.cf, and once in master.cf."""
    for name in ("main.cf", "master.cf"):
        path = office.directory / name
        path.write_text(path.read_text().replace(old, new, 1))


def checked(office: Operators) -> list[str]:
    """Return the codes of what `estafeta check` finds of Postfix and not of its queue, without notes."""
    names = ("settings", "sockets", "listeners", "relay", "smuggling")
    chosen = [each for each in CHECKS if each.name in names]
    told = run(Setup(office.relay.config, office.directory), chosen)
    return sorted(each.code for one in told for each in one.findings if each.severity != "note")


def own_mail(office: Operators, word: str) -> list[bytes]:
    """Send the operator's mail by each way, and return what is delivered, without what is never the same."""
    found = []
    for way, marker in ((office.by_port_25, f"{word}-smtp"), (office.by_sendmail, f"{word}-local")):
        way("sales@office.example", ODD % (b"x", marker.encode()))
        found.append(ANEW.sub(b"*", office.mailbox(marker.encode()).replace(marker.encode(), b"marker")))
    return found


def sparkpost(relay: Relay, *fields: bytes) -> bytes:
    head = b"From: news@acme.example\r\nSubject: s\r\nContent-Type: text/html\r\n"
    return head + b"".join(fields) + b'\r\n<body><a href="https://example.com/">x</a></body>\r\n'


def test_two_providers_clients_are_served_and_the_operators_mail_is_as_before(untouched: Operators) -> None:
    office, relay = untouched, untouched.relay
    before, mail_before = office.texts(), own_mail(office, "before")
    assert b"d=elsewhere.example" in mail_before[0]
    assert b"X-Office: seen" in mail_before[1]
    office.done("install")
    assert own_mail(office, "with") == mail_before

    sent = relay.send(sparkpost(relay, TRACKED), "alice@example.net", "bob@example.net")
    copies = relay.copies(sent)
    assert sorted(copy.delivered_to for copy in copies) == ["alice@example.net", "bob@example.net"]
    assert len({copy.body for copy in copies}) == 2
    assert all(b"X-Estafeta" not in copy.message for copy in copies)
    assert all(b"d=office.example" not in copy.message for copy in copies)
    relay.events(sent, "injection", "injection", "delivery", "delivery")

    with relay.session(PLAN, listener="teenvio-58700", tls=True) as client:
        reply = client.message(SENDER, ["carol@example.net"], message(marker="teenvio"))
    assert RECEIPT.fullmatch(reply), reply
    relay.wait_for_outbox("carol@example.net", b"teenvio")

    office.done("uninstall")
    assert office.texts() == before
    assert own_mail(office, "after") == mail_before


@pytest.mark.release
def test_our_mail_to_the_operators_own_mailboxes_goes_by_the_operators_aliases(untouched: Operators) -> None:
    untouched.done("install")
    untouched.relay.send(sparkpost(untouched.relay, b"X-Marker: by-alias\r\n"), "sales@office.example")
    assert b"Delivered-To: boss@office.example" in untouched.mailbox(b"by-alias")


@pytest.mark.release
def test_a_pool_leaves_from_its_address_by_the_operators_relayhost(untouched: Operators) -> None:
    untouched.done("install")
    relay = untouched.relay
    sent = relay.send(sparkpost(relay, b'X-MSYS-API: {"options": {"ip_pool": "my_ip_pool"}}\r\n'))
    assert b"X-Estafeta" not in relay.copy(sent).message
    peers = (relay.dir / "outbox" / "peers").read_text()
    assert "127.0.0.2 pool.estafeta.example" in peers


def test_what_is_queued_anew_is_led_to_the_split_again(untouched: Operators) -> None:
    untouched.done("install")
    relay = untouched.relay
    with queue_manager_held(relay):
        sent = relay.send(sparkpost(relay, TRACKED), "alice@example.net", "bob@example.net")
        untouched.postfix("postsuper", "-r", sent)
    untouched.postfix("postqueue", "-f")
    wait(lambda: len(relay.delivered(sent)), 2, "both copies", 30)
    assert len({copy.body for copy in relay.delivered(sent)}) == 2
    assert all(b"X-Estafeta" not in copy.message for copy in relay.delivered(sent))


def test_a_second_run_changes_nothing(untouched: Operators) -> None:
    assert untouched.estafeta("diff").returncode == 1
    untouched.done("install")
    there = untouched.texts()
    assert untouched.estafeta("diff").stdout == ""
    assert "nothing to change" in untouched.done("install")
    assert untouched.texts() == there
    assert untouched.estafeta("status").returncode == 0
    assert checked(untouched) == []
    edit(untouched, "milter_default_action = tempfail", "milter_default_action = accept")
    assert checked(untouched) == ["milter-default-action", "setting-milter-default-action"]
    edit(untouched, "milter_default_action = accept", "milter_default_action = tempfail")
    for table in (untouched.directory / "estafeta").iterdir():
        table.write_text("")
    assert checked(untouched) == ["install-differs"]


def test_what_the_operator_edits_meanwhile_stays(untouched: Operators) -> None:
    office = untouched
    expected = {name: office.directory / name for name in ("main.cf", "master.cf")}
    before = {name: path.read_bytes() for name, path in expected.items()}
    office.done("install")
    edits = {
        "main.cf": (b"# Mailboxes\n", b"# Mailboxes, and more\nmailbox_size_limit = 0\n"),
        "master.cf": (b"# a remark inside\n", b"# another   remark\n"),
    }
    for name, (old, new) in edits.items():
        text = expected[name].read_bytes()
        expected[name].write_bytes(text.replace(old, new) + b"# behind everything\n")
    office.done("install")
    office.done("uninstall")
    for name, (old, new) in edits.items():
        assert expected[name].read_bytes() == before[name].replace(old, new) + b"# behind everything\n"


def test_everything_is_put_back_where_a_listener_does_not_answer(untouched: Operators) -> None:
    (untouched.root / "junk.pem").write_text("no certificate")
    main_cf = untouched.directory / "main.cf"
    main_cf.write_text(main_cf.read_text().replace("/tls.pem", "/junk.pem"))
    before = untouched.texts()
    ran = untouched.estafeta("install")
    assert ran.returncode == 2
    assert "listeners.sparkpost-587" in ran.stderr
    assert "putting back" in ran.stdout
    assert untouched.texts() == before
    assert "estafeta" not in untouched.postfix("postconf", "-M")


@pytest.mark.parametrize(
    "number",
    [pytest.param(n, marks=pytest.mark.release if n >= GATE_KILLS else ()) for n in range(KILLS)],
)
def test_an_install_that_is_killed_is_completed_or_undone_by_the_next_run(
    office: Operators, number: int
) -> None:
    before = office.texts()
    chosen = random.Random(number)
    with subprocess.Popen(
        office.command("install"), stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # the difference is shown: what follows is the installation itself
        time.sleep(chosen.uniform(0, 3))
        os.killpg(process.pid, signal.SIGKILL)
    if number % 2:
        office.done("install")
        assert office.estafeta("status").returncode == 0
    office.done("uninstall")
    assert office.texts() == before
    assert Records(office.config.state_dir, office.directory).interrupted() is None


@pytest.fixture(scope="module")
def plain() -> Iterator[Operators]:
    """An operator's Postfix for a single listener without TLS and receipts."""
    with operators({"perfit-2525": Listener(dialects=("perfit",), port=1, tls="none")}) as running:
        yield running


# The journal, main.cf, master.cf, the manifest; the two between are the backups.
@pytest.mark.release
@pytest.mark.parametrize("step", [1, 4, 5, 6])
def test_killed_at_a_rename_it_leaves_whole_files_and_the_next_goes_on(plain: Operators, step: int) -> None:
    before = plain.texts()
    inject = [
        "strace",
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        f"inject=rename:signal=KILL:when={step}",
    ]
    killed = subprocess.run([*inject, *plain.command("install")], capture_output=True, check=False)
    assert killed.returncode < 0, killed
    assert plain.estafeta("status").returncode == 1
    plain.done("install")
    assert plain.estafeta("status").returncode == 0
    plain.done("uninstall")
    assert plain.texts() == before
