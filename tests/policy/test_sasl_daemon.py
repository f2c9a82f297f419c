import asyncio
import base64
import io
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from estafeta_core import logs, secrets
from estafeta_core.config.accounts import Account
from estafeta_core.config.accounts import Credential as Settings
from estafeta_core.config.load import Snapshot
from estafeta_core.config.schema import Auth, Config, Listener
from estafeta_core.directory import Directory
from estafeta_policy import sasl_daemon
from estafeta_policy.authenticate import Authenticated, Authenticator, Refused, Verification
from estafeta_policy.journal import Journal
from estafeta_policy.sasl_daemon import Sasl

KEY, REVOKED = secrets.generate_key(), secrets.generate_key()
REFUSED = b"FAIL\t%d\tuser=SMTP_Injection\treason=Sorry. *** No authentication type succeeded\n"


def snapshot(auth: Auth, main: str = "active") -> Snapshot:
    config = Config(
        hostname="mx.example.com",
        base_url="https://click.example.com",
        bounce_domain="bounce.example.com",
        signing_keys=(Path("link.key"),),
        listeners={
            "submission": Listener(dialects=("sparkpost",), port=587),
            "login": Listener(dialects=("sparkpost",), port=588, mechanisms=("LOGIN",)),
        },
        auth=auth,
    )
    credentials = {
        "main": Settings(key=secrets.hash_key(KEY), status=main),  # type: ignore[arg-type] # a word of Status
        "old": Settings(key=secrets.hash_key(REVOKED), status="revoked"),
    }
    return Snapshot(
        config, Directory([Account(account="acme", dialect="sparkpost", credentials=credentials)])
    )


QUICK = Auth(failure_delay=0.05, failure_delay_limit=0.1, failures_per_minute=3)


OPENED: list[asyncio.StreamWriter] = []  # what `in_loop` closes


class Client:
    """smtpd's side of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def line(self) -> bytes:
        """Return the next line, or nothing when the connection was closed."""
        return await asyncio.wait_for(self.reader.readline(), 5)

    def auth(
        self,
        request: int,
        secret: str = KEY,
        user: str = "SMTP_Injection",
        rip: str = "192.0.2.1",
        **more: str,
    ) -> None:
        resp = base64.b64encode(f"\0{user}\0{secret}".encode()).decode()
        service, mechanism = more.get("service", "submission"), more.get("mechanism", "PLAIN")
        self.writer.write(
            f"AUTH\t{request}\t{mechanism}\tservice={service}\tnologin\trip={rip}\tresp={resp}\n".encode()
        )


class Daemon:
    """A back end in this loop, with what it journalled."""

    def __init__(self, auth: Auth = QUICK) -> None:
        self.written = io.StringIO()
        self.sasl = Sasl(asyncio.get_running_loop(), Journal(logs.Text("test"), self.written))
        self.sasl.take(snapshot(auth))

    async def client(self) -> Client:
        ours, theirs = socket.socketpair(socket.AF_UNIX)
        await asyncio.get_running_loop().create_connection(self.sasl.connection, sock=ours)
        reader, writer = await asyncio.open_connection(sock=theirs)
        OPENED.append(writer)
        client = Client(reader, writer)
        while await client.line() != b"DONE\n":
            pass
        client.writer.write(b"VERSION\t1\t0\nCPID\t1\n")
        return client

    async def journal(self) -> str:
        await asyncio.sleep(0.1)  # longer than a line waits
        return self.written.getvalue()


def in_loop(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Return `test` as pytest calls it."""

    def run() -> None:
        async def main() -> None:
            try:
                await test()
            finally:
                for writer in OPENED:
                    writer.close()
                OPENED.clear()
                await asyncio.sleep(0.01)  # both ends see it

        asyncio.run(main())

    run.__name__ = test.__name__
    return run


@in_loop
async def test_a_right_key_is_answered_at_once_with_the_identity() -> None:
    daemon = Daemon(Auth(failure_delay=5))
    client = await daemon.client()
    client.auth(1)
    assert await client.line() == b"OK\t1\tuser=acme/main\n"
    assert "acme/main[192.0.2.1] at submission, PLAIN: logged in" in await daemon.journal()


@in_loop
async def test_a_wrong_key_is_answered_late_and_others_do_not_wait() -> None:
    daemon = Daemon()
    one, other = await daemon.client(), await daemon.client()
    begun = time.monotonic()
    one.auth(1, "wrong")
    other.auth(7)
    assert await other.line() == b"OK\t7\tuser=acme/main\n"
    assert not daemon.sasl.idle.is_set()
    assert await one.line() == REFUSED % 1
    assert time.monotonic() - begun >= 0.05
    assert daemon.sasl.idle.is_set()
    assert "SMTP_Injection[192.0.2.1] at submission, PLAIN: refused: Sorry." in await daemon.journal()


@in_loop
async def test_a_revoked_key_is_no_guess_and_does_not_wait() -> None:
    daemon = Daemon(Auth(failure_delay=5, failures_per_minute=1))
    client = await daemon.client()
    for request in (1, 2, 3):
        client.auth(request, REVOKED)
        assert await client.line() == b"FAIL\t%d\tuser=acme/old\treason=Credential revoked\n" % request


@in_loop
async def test_past_the_limit_an_address_is_answered_as_temporary_and_others_are_not() -> None:
    daemon = Daemon()
    client = await daemon.client()
    for request in (1, 2, 3):
        client.auth(request, "wrong")
        assert await client.line() == REFUSED % request
    client.auth(4)
    assert await client.line() == b""
    assert "answered as temporary: too many failures from this address" in await daemon.journal()
    elsewhere = await daemon.client()
    elsewhere.auth(1, rip="192.0.2.2")
    assert await elsewhere.line() == b"OK\t1\tuser=acme/main\n"


@in_loop
async def test_a_client_that_left_before_its_late_answer_hurts_nobody() -> None:
    daemon = Daemon()
    client = await daemon.client()
    client.auth(1, "wrong")
    client.writer.close()
    await asyncio.sleep(0.1)
    assert daemon.sasl.idle.is_set()


@in_loop
async def test_what_a_listener_does_not_offer_is_refused_whatever_postfix_advertised() -> None:
    client = await Daemon().client()
    client.auth(1, service="login")
    assert await client.line() == b"FAIL\t1\treason=Invalid authentication mechanism\n"


@in_loop
async def test_an_unknown_listener_is_answered_as_temporary() -> None:
    daemon = Daemon()
    client = await daemon.client()
    client.auth(1, service="nowhere")
    assert await client.line() == b""
    assert "no listener 'nowhere'" in await daemon.journal()


@in_loop
async def test_without_accounts_the_handshake_is_done_and_every_attempt_temporary() -> None:
    daemon = Daemon()
    daemon.sasl.authenticator = None
    client = await daemon.client()
    client.auth(1)
    assert await client.line() == b""
    assert "no usable configuration" in await daemon.journal()


@in_loop
async def test_a_reload_counts_for_open_connections() -> None:
    daemon = Daemon()
    client = await daemon.client()
    client.auth(1)
    assert (await client.line()).startswith(b"OK\t")
    daemon.sasl.take(snapshot(Auth(password_checks=1), "suspended"))
    client.auth(2)
    assert await client.line() == b"FAIL\t2\tuser=acme/main\treason=Credential suspended\n"


@in_loop
async def test_a_peer_that_breaks_the_grammar_loses_its_connection_and_no_other() -> None:
    daemon = Daemon()
    bad, good = await daemon.client(), await daemon.client()
    bad.writer.write(b"NONSENSE\n")
    assert await bad.line() == b""
    good.auth(1)
    assert (await good.line()).startswith(b"OK\t")


@in_loop
async def test_no_secret_is_in_the_journal() -> None:
    daemon = Daemon()
    client = await daemon.client()
    for request, (user, secret) in enumerate(
        [
            ("SMTP_Injection", KEY),
            ("SMTP_Injection", "geheim"),
            (KEY, "geheim"),
            ("x\tuser=admin\n", "geheim"),
        ]
    ):
        client.auth(request, secret, user, rip=f"192.0.2.{request}")
        await client.line()
    journal = await daemon.journal()
    assert journal.count("\n") == 4
    assert KEY not in journal
    assert "geheim" not in journal
    assert "user=admin" not in journal


def test_a_bug_costs_one_connection(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    @in_loop
    async def run() -> None:
        daemon = Daemon()
        client = await daemon.client()
        with monkeypatch.context() as patch:
            patch.setattr(Authenticator, "decide", broken)
            client.auth(1)
            assert await client.line() == b""
        again = await daemon.client()
        again.auth(1)
        assert (await again.line()).startswith(b"OK\t")

    run()
    assert "ZeroDivisionError" in caplog.text
    assert KEY not in caplog.text


class SlowlyRight:
    """Stands for `Verification.run` with a password of known checking time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
        self.most = self.running = 0

        def decide(_: Authenticator, attempt: object, __: object) -> Verification:
            failure = Refused("No", "ana", guess=True)
            return Verification(attempt, (), failure)  # type: ignore[arg-type] # what decide was given

        def run(verification: Verification, _: object) -> object:
            self.running += 1
            self.most = max(self.most, self.running)
            time.sleep(seconds)
            self.running -= 1
            return verification.attempt.credentials.secret == "right" or None

        def conclude(_: Authenticator, verification: Verification, found: object, __: object) -> object:
            return Authenticated("plan/ana") if found else verification.failure

        monkeypatch.setattr(Authenticator, "decide", decide)
        monkeypatch.setattr(Verification, "run", run)
        monkeypatch.setattr(Authenticator, "conclude", conclude)


def test_password_checks_are_capped_and_a_queue_too_long_is_temporary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slowly = SlowlyRight(monkeypatch, 0.02)
    monkeypatch.setattr(sasl_daemon, "MAX_WAITING", 5)

    @in_loop
    async def run() -> None:
        daemon = Daemon(Auth(password_checks=2, failures_per_minute=60))
        clients = [await daemon.client() for _ in range(8)]
        for client in clients:
            client.auth(1, "right")
        answers = sorted([await client.line() for client in clients])
        assert answers == [b""] * 3 + [b"OK\t1\tuser=plan/ana\n"] * 5
        assert daemon.sasl.idle.is_set()
        daemon.sasl.close()

    run()
    assert slowly.most == 2


def test_password_checks_under_way_count_as_failures_until_they_succeed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    SlowlyRight(monkeypatch, 0.02)

    @in_loop
    async def run() -> None:
        daemon = Daemon(QUICK)
        clients = [await daemon.client() for _ in range(5)]
        for client in clients:
            client.auth(1, "wrong")
        answers = sorted([await client.line() for client in clients])
        assert answers == [b""] * 2 + [b"FAIL\t1\tuser=ana\treason=No\n"] * 3
        for request in range(5):
            client = await daemon.client()
            client.auth(request, "right", rip="192.0.2.9")
            assert (await client.line()).startswith(b"OK\t")

    run()
