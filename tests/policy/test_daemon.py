"""The real daemons as processes, spoken to over their sockets as Postfix does it."""

import base64
import contextlib
import grp
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from estafeta_core import secrets
from estafeta_core.store import open_store
from estafeta_core.store.standing_rows import Suspension, SuspensionLifted

GROUP = grp.getgrgid(os.getgid()).gr_name
KEY = secrets.generate_key()
RUN = """
import os, sys
sys.path[:0] = sys.argv[3].split(os.pathsep)
from pathlib import Path
from estafeta_policy import daemon
if sys.argv[4] != "-":
    os.dup2(int(sys.argv[4]), 3)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
sys.exit(getattr(daemon, "run_" + sys.argv[1])(Path(sys.argv[2])))
"""
REQUEST = (
    "request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=127.0.0.1\nclient_port={port}\n"
    "sender=news@acme.example\nrecipient=r@example.net\nsasl_username=acme/main\n"
    "instance={instance}\npolicy_context=submission\n\n"
)


class Site:
    """A configuration, and the daemons that run on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        (folder / "accounts.d").mkdir()
        (folder / "run").mkdir()
        (folder / "link.key").write_bytes(b"k" * 64)
        self.configure()
        self.account()
        self.processes: list[subprocess.Popen[bytes]] = []

    def configure(self, more: str = "") -> None:
        (self.folder / "estafeta.yaml").write_text(
            "hostname: mx.example.com\nbase_url: https://click.example.com\n"
            "bounce_domain: bounce.example.com\n"
            f"signing_keys: [link.key]\nrun_dir: run\nsocket_group: {GROUP}\nstate_dir: .\n"
            f"store: sqlite:///{self.folder}/estafeta.db\n"
            "auth: {failure_delay: 0.1, failure_delay_limit: 0.2}\n"
            "listeners: {submission: {dialects: [sparkpost], port: 587}}\n" + more
        )

    def account(self, credential: str = "") -> None:
        # Written whole and renamed: a daemon that looks just now reads the old or the new one.
        draft = self.folder / "draft"
        draft.write_text(
            "account: acme\ndialect: sparkpost\ndomains: {acme.example: {verified: true}}\n"
            f'credentials: {{main: {{key: "{secrets.hash_key(KEY)}"{credential}}}}}\n'
        )
        draft.rename(self.folder / "accounts.d" / "acme.yaml")

    def start(self, role: str, given: socket.socket | None = None) -> subprocess.Popen[bytes]:
        fd = "-" if given is None else str(given.fileno())
        arguments = [sys.executable, "-c", RUN, role, str(self.folder / "estafeta.yaml")]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [*arguments, os.pathsep.join(sys.path), fd],
                stderr=log,
                pass_fds=() if given is None else [given.fileno()],
            )
        self.processes.append(process)
        return process

    def place(self, role: str) -> Path:
        return self.folder / "run" / f"{role}.sock"

    def connect(self, role: str) -> socket.socket:
        """Return a connection as soon as the daemon takes one."""
        deadline = time.monotonic() + 20
        while True:
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(10)
            try:
                client.connect(str(self.place(role)))
            except OSError:
                client.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return client


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    running = Site(tmp_path)
    yield running
    for process in running.processes:
        process.kill()
        process.wait()


def auth(client: socket.socket, secret: str = KEY, *, hello: bool = True) -> bytes:
    """Log in as Postfix does; return the answer, nothing when the connection was closed."""
    with contextlib.suppress(ConnectionError):
        reader = client.makefile("rb")
        if hello:
            while reader.readline() not in (b"DONE\n", b""):
                pass
            client.sendall(b"VERSION\t1\t0\nCPID\t1\n")
        resp = base64.b64encode(f"\0SMTP_Injection\0{secret}".encode())
        client.sendall(b"AUTH\t1\tPLAIN\tservice=submission\tnologin\trip=127.0.0.1\tresp=" + resp + b"\n")
        return reader.readline()
    return b""


def ask(client: socket.socket, instance: str = "1.0", port: int = 4000) -> bytes:
    client.sendall(REQUEST.format(instance=instance, port=port).encode())
    reply = b""
    while not reply.endswith(b"\n\n"):
        data = client.recv(4096)
        if not data:
            break
        reply += data
    return reply


OK = b"OK\t1\tuser=acme/main\n"
DUNNO = b"action=DUNNO\n\n"


def test_both_daemons_answer_and_end_within_five_seconds(site: Site) -> None:
    started = {role: site.start(role) for role in ("sasl", "policy")}
    with site.connect("sasl") as login, site.connect("policy") as policy:
        assert auth(login) == OK
        assert ask(policy) == DUNNO
        for role, process in started.items():
            assert site.place(role).stat().st_mode & 0o777 == 0o660
            process.send_signal(signal.SIGTERM)
            assert process.wait(5) == 0
    assert "Traceback" not in site.log.read_text()


@pytest.mark.parametrize("role", ["sasl", "policy"])
def test_a_killed_daemon_is_replaced_over_its_dead_socket(site: Site, role: str) -> None:
    for _ in range(2):
        process = site.start(role)
        with site.connect(role) as client:
            assert (auth(client) if role == "sasl" else ask(client)) in (OK, DUNNO)
            process.kill()
            process.wait()
            assert client.recv(1) == b""
        assert site.place(role).exists()


@pytest.mark.parametrize("role", ["sasl", "policy"])
def test_a_second_start_is_refused_and_the_first_serves_on(site: Site, role: str) -> None:
    site.start(role)
    site.connect(role).close()
    assert site.start(role).wait(20) == 1
    assert "another process serves this socket" in site.log.read_text()
    with site.connect(role) as client:
        assert (auth(client) if role == "sasl" else ask(client)) in (OK, DUNNO)


def eventually(seconds: float, expected: bytes, answer: Callable[[], bytes]) -> None:
    """Ask until the answer is as expected, at most so long."""
    deadline = time.monotonic() + seconds
    while (last := answer()) != expected:
        assert time.monotonic() < deadline, last
        time.sleep(0.05)


def test_a_revoked_key_stops_open_sessions_within_a_second(site: Site) -> None:
    site.start("sasl")
    site.start("policy")
    with site.connect("sasl") as login, site.connect("policy") as policy:
        assert auth(login) == OK
        assert ask(policy) == DUNNO
        site.account(", status: revoked")
        numbers = iter(range(10_000))
        eventually(1.5, b"action=535 5.7.8 Credential revoked\n\n", lambda: ask(policy, f"2.{next(numbers)}"))
        eventually(
            1.0,
            b"FAIL\t1\tuser=acme/main\treason=Credential revoked\n",
            lambda: auth(login, hello=False),
        )


def test_e15_a_credential_suspended_by_itself_is_refused_within_two_seconds_and_while_the_store_is_away(
    site: Site,
) -> None:
    site.start("sasl")
    site.start("policy")
    refused = b"FAIL\t1\tuser=acme/main\treason=Credential suspended\n"
    numbers = iter(range(10_000))
    with site.connect("sasl") as login, site.connect("policy") as policy:

        def asked() -> bytes:
            return ask(policy, f"3.{next(numbers)}")

        assert (auth(login), asked()) == (OK, DUNNO), "there is no store yet"
        file = site.folder / "estafeta.db"
        with contextlib.closing(open_store(f"sqlite:///{file}")) as store:
            store.record([Suspension("acme", "main", 1, None, "bounce_rate", 40, 0, 9)])
            eventually(2.0, b"action=535 5.7.8 Credential suspended\n\n", asked)
            eventually(1.0, refused, lambda: auth(login, hello=False))
            away = file.rename(site.folder / "away.db")
            time.sleep(1.5)
            assert auth(login, hello=False) == refused
            away.rename(file)
            store.record([SuspensionLifted("acme", "main", 2)])
        eventually(2.0, DUNNO, asked)
        eventually(1.0, OK, lambda: auth(login, hello=False))


def test_sighup_reloads_at_once_and_a_wrong_configuration_changes_nothing(site: Site) -> None:
    process = site.start("sasl")
    with site.connect("sasl") as login:
        assert auth(login) == OK
        site.configure("nonsense: 1\n")
        process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 10
        while "nonsense" not in site.log.read_text() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert "nonsense" in site.log.read_text()
        assert auth(login, hello=False) == OK


@pytest.mark.parametrize("broken", ["accounts", "all"])
def test_the_sasl_daemon_starts_without_accounts_and_takes_them_when_they_come(
    site: Site, broken: str
) -> None:
    place = site.folder / ("accounts.d/acme.yaml" if broken == "accounts" else "estafeta.yaml")
    right = place.read_text()
    place.write_text("nonsense: 1\n")
    with socket.socket(socket.AF_UNIX) as given:
        if broken == "all":  # then only systemd knows where the socket belongs
            given.bind(str(site.place("sasl")))
            given.listen()
        site.start("sasl", given if broken == "all" else None)
        with site.connect("sasl") as login:
            assert auth(login) == b""
        place.write_text(right)

        def again() -> bytes:
            with site.connect("sasl") as login:
                return auth(login)

        eventually(10, OK, again)


def test_the_policy_daemon_does_not_start_on_a_wrong_configuration(site: Site) -> None:
    site.configure("nonsense: 1\n")
    assert site.start("policy").wait(20) == 1
    assert re.search(r"estafeta\.yaml:\d+: .*nonsense", site.log.read_text())


def test_a_group_that_is_not_there_is_an_error_with_its_remedy(site: Site) -> None:
    place = site.folder / "estafeta.yaml"
    place.write_text(place.read_text().replace(f"socket_group: {GROUP}", "socket_group: no-such-group"))
    assert site.start("sasl").wait(20) == 1
    assert "set socket_group" in site.log.read_text()


def test_a_socket_handed_over_survives_a_kill_and_loses_no_connection(site: Site) -> None:
    with socket.socket(socket.AF_UNIX) as given:
        given.bind(str(site.place("sasl")))
        given.listen()
        first = site.start("sasl", given)
        with site.connect("sasl") as login:
            assert auth(login) == OK
        first.kill()
        first.wait()
        with site.connect("sasl") as waiting:
            site.start("sasl", given)
            assert auth(waiting) == OK


def test_hostile_peers_do_not_disturb_the_others(site: Site) -> None:
    site.start("sasl")
    site.start("policy")
    for role in ("sasl", "policy"):
        for data in (b"x" * 1_000_000, os.urandom(4096) + b"\n\n", b"\0" * 100 + b"\n", b""):
            with site.connect(role) as hostile, contextlib.suppress(OSError):
                hostile.sendall(data)
                if data:
                    hostile.shutdown(socket.SHUT_WR)
                    while hostile.recv(65536):
                        pass
    idle = [site.connect(role) for role in ("sasl", "policy") for _ in range(100)]
    with site.connect("sasl") as login, site.connect("policy") as policy:
        assert auth(login) == OK
        assert ask(policy) == DUNNO
    for client in idle:
        client.close()
    assert "Traceback" not in site.log.read_text()


def test_a_sigterm_lets_a_late_answer_out_first(site: Site) -> None:
    process = site.start("sasl")
    with site.connect("sasl") as login:
        assert auth(login) == OK
        resp = base64.b64encode(b"\0SMTP_Injection\0wrong")
        login.sendall(b"AUTH\t2\tPLAIN\tservice=submission\trip=127.0.0.1\tresp=" + resp + b"\n")
        time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert login.makefile("rb").readline().startswith(b"FAIL\t2\t")
    assert process.wait(5) == 0


def test_no_secret_is_in_the_log(site: Site) -> None:
    process = site.start("sasl")
    with site.connect("sasl") as login:
        assert auth(login) == OK
        assert auth(login, "geheim-und-falsch", hello=False).startswith(b"FAIL")
    process.send_signal(signal.SIGTERM)
    process.wait(5)
    log = site.log.read_text()
    assert "acme/main[127.0.0.1] at submission, PLAIN: logged in" in log
    assert "SMTP_Injection[127.0.0.1] at submission, PLAIN: refused: " in log
    for secret in (KEY, "geheim-und-falsch"):
        assert secret not in log
        assert base64.b64encode(f"\0SMTP_Injection\0{secret}".encode()).decode() not in log


def test_a_daemon_that_ran_out_of_descriptors_recovers_by_itself(site: Site) -> None:
    process = site.start("sasl")
    with site.connect("sasl") as login:
        assert auth(login) == OK
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (40, 40))
    crowd = [site.connect("sasl") for _ in range(100)]
    for client in crowd:
        client.close()

    def again() -> bytes:
        with site.connect("sasl") as login:
            return auth(login)

    eventually(5, OK, again)
    assert process.poll() is None
    assert "Traceback" not in site.log.read_text()


def test_a_daemon_takes_every_descriptor_it_may_have(site: Site) -> None:
    process = site.start("policy")
    with site.connect("policy") as policy:
        assert ask(policy) == DUNNO
    soft, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    assert soft == hard
