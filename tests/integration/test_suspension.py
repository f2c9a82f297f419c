"""A credential whose recipients complain stops by itself, in open sessions too, until it is lifted (E15)."""

import contextlib
import os
import smtplib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from estafeta_postfix.suspender import EVERY
from estafeta_testing.sandbox import QUICK, STORE, Sandbox, running, wait_for

SENDER = "news@acme.example"
LIMITS = "suspend_at: {complaint_rate: 0.05, bounce_rate: 0, minimum: 10}\n"
RECIPIENTS = [f"r{n}@example.net" for n in range(36)] + [f"complaint{n}@example.net" for n in range(4)]
FELT = 2.0  # seconds from the store to every daemon
COUNTED = 20.0  # seconds for the complaints to come, and to be looked at
REFUSED = (535, b"5.7.8 Credential suspended")
FORM = {"Sec-Fetch-Site": "same-origin"}  # what a browser says of a form of the page it shows


def mail(client: smtplib.SMTP) -> tuple[int, bytes]:
    client.rset()
    return client.mail(SENDER)


def refused_recipient(client: smtplib.SMTP) -> bool:
    code, text = client.rcpt("alice@example.net")
    return code == 535 and b"Credential suspended" in text


def send(client: smtplib.SMTP, recipient: str) -> None:
    client.sendmail(SENDER, [recipient], f"From: {SENDER}\r\nSubject: Hello\r\n\r\nHello\r\n")


@dataclass(frozen=True, slots=True)
class Suspended:
    """A sandbox in which acme/main has been suspended, and sessions from before."""

    sandbox: Sandbox
    sending: smtplib.SMTP
    between: smtplib.SMTP  # said MAIL, and no RCPT yet
    other: smtplib.SMTP  # of acme/sendonly

    @property
    def store(self) -> Path:
        return Path(self.sandbox.description["store"].removeprefix("sqlite:///"))

    def logged_in(self, credential: str = "acme/main") -> str:
        """Return what the answer to AUTH says."""
        try:
            with self.sandbox.login(credential):
                return "accepted"
        except smtplib.SMTPAuthenticationError as error:
            return str(error.smtp_error)


@pytest.fixture(scope="module")
def suspended() -> Iterator[Suspended]:
    with contextlib.ExitStack() as stack:
        sandbox = stack.enter_context(running(config=QUICK, kind="sqlite"))
        with (sandbox.accounts_dir / "acme.yaml").open("a") as file:
            file.write(LIMITS)
        names = ("acme/main", "acme/main", "acme/sendonly")
        made = Suspended(sandbox, *(stack.enter_context(sandbox.login(name)) for name in names))
        for recipient in RECIPIENTS:
            send(made.sending, recipient)
        assert made.between.mail(SENDER)[0] == 250
        assert wait_for(lambda: sandbox.sql("SELECT 1 FROM credential_suspensions") or None, COUNTED)
        yield made


def test_e15_open_sessions_and_new_ones_are_refused_and_nobody_else_is(suspended: Suspended) -> None:
    assert wait_for(lambda: mail(suspended.sending) == REFUSED or None, FELT)
    assert wait_for(lambda: refused_recipient(suspended.between) or None, FELT)
    assert wait_for(lambda: "Credential suspended" in suspended.logged_in() or None, FELT)
    assert suspended.logged_in("acme/sendonly") == "accepted"
    assert mail(suspended.other)[0] == 250
    suspended.other.rset()
    send(suspended.other, "alice@example.net")


def test_the_operator_sees_it_in_the_list_and_in_the_log_once(suspended: Suspended) -> None:
    lines = suspended.sandbox.estafeta("key", "list").stdout.splitlines()
    (line,) = [line for line in lines if line.startswith("acme/main ")]
    assert "suspended (complaints " in line
    log = (suspended.sandbox.dir / "log" / "worker.log").read_text()
    assert log.count("acme/main: suspended by itself: complaints ") == 1
    assert log.count("estafeta key activate acme/main lifts it") == 1


def test_its_owner_can_still_read_what_happened(suspended: Suspended) -> None:
    key = suspended.sandbox.credential().password
    answer = httpx2.get(
        f"{suspended.sandbox.web}/api/v1/events/message", headers={"Authorization": key}, timeout=20
    )
    assert answer.status_code == 200
    signed_in = httpx2.post(
        f"{suspended.sandbox.web}/sign-in", data={"secret": key, "username": ""}, headers=FORM, timeout=20
    )
    assert signed_in.status_code == 303


@pytest.mark.skipif(os.environ.get(STORE) == "postgresql", reason="no file that could be taken away")
def test_while_the_store_is_away_it_stays_suspended(suspended: Suspended) -> None:
    away = suspended.store.rename(suspended.store.with_suffix(".away"))
    time.sleep(FELT)
    try:
        assert mail(suspended.sending) == REFUSED
        assert "Credential suspended" in suspended.logged_in()
    finally:
        away.rename(suspended.store)


def test_once_it_is_lifted_it_sends_again_and_goes_on(suspended: Suspended) -> None:
    done = suspended.sandbox.estafeta("key", "activate", "acme/main")
    assert done.stderr == "acme/main: suspended by itself -> active\n"
    assert wait_for(lambda: mail(suspended.sending)[0] == 250 or None, FELT)
    assert wait_for(lambda: suspended.sending.rcpt("alice@example.net")[0] == 250 or None, FELT)
    assert wait_for(lambda: suspended.logged_in() == "accepted" or None, FELT)
    suspended.sending.rset()
    for number in range(12):  # more than the minimum, and nobody complains
        send(suspended.sending, f"later{number}@example.net")
    time.sleep(EVERY + FELT)
    assert mail(suspended.sending)[0] == 250
    assert suspended.sandbox.sql("SELECT count(*) FROM credential_suspensions") == [(1,)]
