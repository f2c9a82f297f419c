"""`estafeta check` on a set-up that is right, and on the same one broken in many ways.

Each test breaks something of a running sandbox for real (or several things that have nothing to do with each
other, since each look costs seconds) and says exactly which findings that makes: no fault may be missed, and
none may be told that is not there.
"""

import contextlib
import datetime
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from estafeta_core import secrets, sockets
from estafeta_core.config.load import load_config
from estafeta_core.store.scripts import migrations
from estafeta_postfix import certificate
from estafeta_postfix.checks import worker
from estafeta_postfix.checks.run import run
from estafeta_postfix.checks.setup import Setup
from estafeta_postfix.checks.table import CHECKS
from estafeta_postfix.sandbox.settings import BOUNCE_DOMAIN, HOSTNAME
from estafeta_testing import sandbox as testing
from estafeta_testing.queue import postfix
from estafeta_testing.relay import Relay, wait

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="Postfix can only be started by root")

CONFIG = f"""\
hostname: {HOSTNAME}
base_url: http://localhost
bounce_domain: {BOUNCE_DOMAIN}
signing_keys: []
listeners:
  sparkpost-587: {{dialects: [sparkpost, perfit], port: 587, tls: starttls}}
  required: {{dialects: [emitlo, devino], port: 588, tls: required}}
  implicit: {{dialects: [teenvio], port: 465, tls: implicit}}
"""
OPEN = "smtpd_recipient_restrictions = permit_mynetworks, reject"
TRACKED = b'X-MSYS-API: {"options": {"open_tracking": true, "click_tracking": true}}\r\n'
MESSAGE = b"From: news@acme.example\r\nContent-Type: text/html\r\n%s\r\n<a href='https://a.example'>a</a>\r\n"


@pytest.fixture(scope="module")
def own() -> Iterator[Relay]:
    with testing.running(config=CONFIG, kind="sqlite") as running:
        yield Relay(running.description)


def found(relay: Relay, *only: str, config: Path | None = None, directory: Path | None = None) -> list[str]:
    """Return the codes of all errors and warnings, sorted; each has a reason and a remedy."""
    checks = [each for each in CHECKS if not only or each.name in only]
    answers = run(Setup(config or relay.config, directory), checks)
    told = [each for answer in answers for each in answer.findings]
    assert all(each.reason and each.remedy for each in told)
    return sorted(each.code for each in told if each.severity != "note")


@contextlib.contextmanager
def away(path: Path) -> Iterator[None]:
    """Have a file or a socket not be there for a while."""
    kept = path.with_name(f".{path.name}.kept")
    path.rename(kept)
    try:
        yield
    finally:
        kept.rename(path)


@contextlib.contextmanager
def edited(relay: Relay, *edits: tuple[str, str, str]) -> Iterator[None]:
    """Have Postfix read other files for a while; an edit is a file, a text in it, and the new one."""
    conf = relay.dir / "postfix" / "conf"
    before = {name: (conf / name).read_text() for name in {file for file, _, _ in edits}}
    now = dict(before)
    for name, old, new in edits:
        assert old in now[name]
        now[name] = now[name].replace(old, new, 1)
    try:
        _write(relay, conf, now)
        yield
    finally:
        _write(relay, conf, before)


def _write(relay: Relay, conf: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (conf / name).write_text(text)
    reload(relay)


def reload(relay: Relay) -> None:
    """Have every smtpd that is there end, so that the next one has read the files."""
    postfix(relay, "postfix", "reload")
    wait(lambda: greets(relay), True, "Postfix serves again")


def greets(relay: Relay) -> bool:
    try:
        for each in relay.listeners:
            with socket.create_connection((each.host, each.port), 5) as client:
                if each.tls != "implicit" and not client.recv(100):
                    return False
    except OSError:
        return False
    return True


def variant(relay: Relay, folder: Path, *edits: tuple[str, str]) -> Path:
    """Return another estafeta.yaml of the same set-up."""
    text = relay.config.read_text()
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / "estafeta.yaml"
    path.write_text(text)
    return path


def test_the_demo_is_as_it_should_be(sandbox: testing.Sandbox) -> None:
    said = sandbox.estafeta("check", "--json")
    wrong = [each for each in json.loads(said.stdout) if each["severity"] != "note"]
    others = [each for each in wrong if "listeners.peers" not in each["reason"]]  # it has no demo account
    assert others == [], said.stderr
    assert said.returncode == 0


def test_a_look_leaves_nothing_behind(own: Relay) -> None:
    assert found(own) == []
    assert own.queue() == []
    assert own.everything_delivered() == {}
    assert own.sql("SELECT count(*) FROM transmissions") == [(0,)]


def test_files_that_are_open_gone_or_weak(own: Relay) -> None:
    link, dkim = own.dir / "keys" / "link.key", own.dir / "keys" / "dkim" / "acme-marketing.pem"
    text = link.read_text()
    store, chain = own.dir / "state" / "estafeta.db", own.dir / "keys" / "tls.pem"
    for path in (link, store, chain):
        path.chmod(0o644)
    try:
        with away(dkim):
            codes = found(own)
        assert codes == [
            "certificate-key-readable",
            "dkim-key-file",
            "signing-key-readable",
            "store-readable",
        ]
        link.chmod(0o600)
        link.write_text("0" * 64)
        assert found(own, "files") == ["signing-key-weak", "store-readable"]
        link.write_text("short")
        assert found(own) == ["configuration"]
    finally:
        link.write_text(text)
        for path, mode in ((link, 0o600), (store, 0o640), (chain, 0o600)):
            path.chmod(mode)


def test_b17_a_key_that_the_daemons_may_not_read(own: Relay) -> None:
    """The daemons of a sandbox are root; by the owner of state_dir they are somebody else."""
    link = own.dir / "keys" / "link.key"
    theirs = [own.dir / "state", own.dir / "state" / "estafeta.db", own.dir / "run", own.dir / "mail.log"]
    theirs += [
        own.accounts_dir,
        *own.accounts_dir.iterdir(),
        *(own.dir / "keys").rglob("*"),
        own.dir / "keys",
    ]
    try:
        for path in theirs:
            shutil.chown(path, "nobody")
        shutil.chown(link, "root")
        assert found(own) == ["file-closed"]
    finally:
        for path in theirs:
            shutil.chown(path, "root")


def test_an_account_that_is_there_twice_ends_the_look_at_accounts_alone(own: Relay) -> None:
    copy = own.accounts_dir / "zz.yaml"
    shutil.copy(own.accounts_dir / "acme.yaml", copy)
    try:
        assert found(own) == ["configuration"]
    finally:
        copy.unlink()


@pytest.mark.parametrize(
    ("name", "days", "expected"),
    [
        (HOSTNAME, 400, ["certificate-expired"]),
        ("other.example", 355, ["certificate-expires", "certificate-name"]),
    ],
)
def test_a_certificate_that_clients_refuse(own: Relay, name: str, days: int, expected: list[str]) -> None:
    chain = own.dir / "keys" / "tls.pem"
    text = chain.read_bytes()
    made = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days)
    try:
        chain.write_bytes(certificate.make(name, made).chain)
        reload(own)
        assert found(own) == expected
    finally:
        chain.write_bytes(text)
        reload(own)


def test_b01_daemons_that_are_down_and_copies_that_wait_for_one(own: Relay) -> None:
    with away(own.dir / "run" / "copies.sock"):
        sent = own.send(MESSAGE % TRACKED, "alice@example.net", "bob@example.net")
        wait(lambda: {each["queue_name"] for each in own.queue()}, {"deferred"}, "copies wait")
        with away(own.dir / "run" / "policy.sock"):
            assert found(own) == ["copies-wait", "milter-socket", "policy-socket"]
    own.flush()
    assert len(own.copies(sent)) == 2


def test_f07_a_sasl_socket_that_is_gone_or_closed_to_postfix(own: Relay) -> None:
    socket_file = own.dir / "run" / "sasl.sock"
    with away(socket_file):
        assert found(own) == ["sasl-socket"]
    mode = socket_file.stat().st_mode & 0o777
    socket_file.chmod(0o600)
    try:
        assert found(own) == ["sasl-socket"]
    finally:
        socket_file.chmod(mode)
    own.send(MESSAGE % b"")


def test_no_daemon_at_all(own: Relay, tmp_path: Path) -> None:
    """Postfix serves us, and nobody is at home."""
    with contextlib.ExitStack() as stack:
        run_dir = load_config(own.config).run_dir
        for path in (sockets.sasl, sockets.policy, sockets.milter, sockets.copies, sockets.intake):
            stack.enter_context(away(path(run_dir)))
        assert found(own) == ["daemons-down"]


def test_settings_of_postfix_that_take_its_guards_away(own: Relay) -> None:
    """F26, A1, A3, A7, open relay: in the files, and as a client sees them."""
    required = next(each.port for each in own.listeners if each.name == "required")
    edits = (
        ("master.cf", "milter_default_action = tempfail", "milter_default_action = accept"),
        ("master.cf", "smtpd_forbid_unauth_pipelining = yes", "smtpd_forbid_unauth_pipelining = no"),
        ("master.cf", _line(own, "smtpd_recipient_restrictions"), f"  -o {{ {OPEN} }}"),
        ("master.cf", f"smtpd_milters = unix:{own.dir}/run/milter.sock", "smtpd_milters ="),
        ("main.cf", "mynetworks =", "mynetworks = 0.0.0.0/0"),
        ("main.cf", "split_destination_recipient_limit = 1", "split_destination_recipient_limit = 50"),
    )
    last = own.dir / "postfix" / "conf" / "master.cf"
    head, mark, tail = last.read_text().partition("postfix/estafeta-delivery }")
    smuggling = tail.replace("  -o { smtpd_forbid_bare_newline = normalize }\n", "", 1)
    head2, mark2, tail2 = head.partition(f"127.0.0.1:{required} inet")
    clear = tail2.replace("security_level = encrypt", "security_level = none", 1)
    whole = (("master.cf", head + mark + tail, head2 + mark2 + clear + mark + smuggling), *edits)
    with edited(own, *whole):
        codes = found(own)
    assert codes == [
        "early-commands",
        "listener",
        "open-mynetworks",
        "open-relay",
        "queue-manager",
        "setting-milter-default-action",
        "setting-smtpd-forbid-bare-newline",
        "setting-smtpd-forbid-unauth-pipelining",
        "setting-smtpd-milters",
        "setting-smtpd-recipient-restrictions",
        "setting-smtpd-tls-security-level",
        "smuggling",
    ]
    assert own.queue() == []


def _line(relay: Relay, option: str) -> str:
    lines = (relay.dir / "postfix" / "conf" / "master.cf").read_text().splitlines()
    return next(line for line in lines if f"{{ {option} = " in line)


def test_a_relay_for_everybody_beside_us(own: Relay) -> None:
    """Our listeners let no network in; another smtpd of the same Postfix does."""
    with edited(own, ("main.cf", "mynetworks =", "mynetworks = 0.0.0.0/0")):
        assert found(own) == ["open-mynetworks"]


@pytest.mark.release
def test_a_store_that_is_broken_newer_or_on_a_full_disk(own: Relay, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(small)], check=True)
    try:
        copy = small / "estafeta.db"
        config = variant(own, tmp_path, (f"sqlite:///{own.dir}/state/estafeta.db", f"sqlite:///{copy}"))
        with contextlib.closing(sqlite3.connect(own.dir / "state" / "estafeta.db")) as live:
            live.execute("VACUUM INTO ?", (str(copy),))
        copy.chmod(0o640)
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            connection.execute(f"PRAGMA user_version = {max(migrations()) + 1}")
        assert found(own, config=config) == ["disk-full", "store-newer"]
        data = bytearray(copy.read_bytes())
        data[4096 : 4096 * 8] = bytes(4096 * 7)
        copy.write_bytes(data)
        assert "store-corrupt" in found(own, config=config)
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_configuration_of_another_host(own: Relay, tmp_path: Path) -> None:
    """Another queue, another log, a listener that Postfix does not have, on a port that somebody has."""
    (tmp_path / "mail.log").write_text("")
    with socket.create_server(("127.0.0.1", 0)) as other:
        config = variant(
            own,
            tmp_path,
            (f"queue_directory: {own.dir}/postfix/queue", f"queue_directory: {tmp_path}"),
            (f"maillog: {own.dir}/mail.log", f"maillog: {tmp_path}/mail.log"),
            (
                "listeners:\n",
                f"listeners:\n  extra: {{dialects: [sparkpost], port: {other.getsockname()[1]}}}\n",
            ),
        )
        codes = found(own, config=config, directory=own.dir / "postfix" / "conf")
    assert codes == ["maillog", "queue-directory", "service-missing"]


@pytest.mark.release
def test_a_port_that_a_stranger_shares(own: Relay) -> None:
    place = own.listener()
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        stranger.bind((place.host, place.port))
        stranger.listen()
        assert found(own) == ["port-shared"]


def test_a_key_of_a_weak_kind_and_an_account_whose_mail_cannot_go(own: Relay) -> None:
    account = own.accounts_dir / "zz.yaml"
    key = own.dir / "keys" / "dkim" / "weak.pem"
    own.estafeta("dkim", "create", "--domain", "weak.example", "--selector", "s", "--out", str(key))
    key.chmod(0o644)
    hashed = secrets.hash_key(secrets.generate_key())
    try:
        account.write_text(
            "account: weak\ndialect: sparkpost\n"
            f"domains: {{weak.example: {{dkim: {{keys: {{s: {key}}}}}}}}}\n"
            f'credentials: {{main: {{key: "{hashed}"}}}}\n'
        )
        account.chmod(0o600)
        assert found(own) == ["account", "account", "dkim-key"], "not verified, nothing signs, open to all"
    finally:
        account.unlink()
        key.unlink()


@pytest.mark.release
def test_a_log_that_was_rotated_away_and_a_worker_that_stands(
    own: Relay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is stopped may hold the store's lock: only what is asked of it is looked at."""
    monkeypatch.setattr(worker, "AGAIN", 0.1)
    own.copies(own.send(MESSAGE % b""))
    log, stopped = own.maillog, own.processes["worker"]
    wait(lambda: bool(own.sql("SELECT offset FROM log_positions")), True, "the log is read")
    os.kill(stopped, signal.SIGSTOP)
    try:
        old = log.with_name("mail.log.1")
        log.rename(old)
        reload(own)
        wait(log.exists, True, "Postfix logs to a new file")
        assert found(own, "worker") == ["worker-stands"]
        gone = old.rename(old.with_name("mail.log.1.gz"))
        assert found(own, "worker") == ["log-gone"]
        gone.rename(old)
    finally:
        os.kill(stopped, signal.SIGCONT)
    wait(lambda: found(own, "worker"), [], "the worker goes on where it was", 30)


def test_no_worker_and_no_web_service(own: Relay) -> None:
    """What starts them again is stopped meanwhile."""
    (keeper,) = {_parent(own.processes[role]) for role in ("worker", "web")}
    os.kill(keeper, signal.SIGSTOP)
    try:
        for role in ("worker", "web"):
            os.kill(own.processes[role], signal.SIGKILL)
        wait(lambda: found(own, "web", "worker"), ["web-down", "worker-down"], "both are gone")
        assert found(own) == ["web-down", "worker-down"]
    finally:
        os.kill(keeper, signal.SIGCONT)
    wait(lambda: found(own, "web", "worker"), [], "both are back", 30)


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
