"""The SASL back end beside Dovecot's: asked alone, and by Postfix.

Through Postfix each message has a connection of its own, with or without a login.
"""

import base64
import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from bench import folders, messages, reference
from bench.asking import CPU as CPU_US
from bench.asking import RATE as ASKED
from bench.asking import Question, ask
from bench.contenders import dovecot, estafeta
from bench.mail import CPU, RATE, case
from bench.measure import Service
from bench.rounds import Case, Report, Settings, Target, interleave

TITLE = "SASL back end"
ALONE, THROUGH = "alone, {} connections", "connection, login, one message of 4 KB"
NONE = "no AUTH"
PLAIN, HASHED = "Dovecot, plain", "Dovecot, SHA512-CRYPT"
HANDSHAKE = b"VERSION\t1\t1\nCPID\t%d\n"


@dataclass(frozen=True, slots=True)
class Login:
    """A back end and somebody it knows."""

    service: Service
    username: str
    password: str


def run(settings: Settings) -> Report:
    """Ask each alone, then have Postfix ask them."""
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(estafeta.running())
        theirs = stack.enter_context(dovecot.running(stack.enter_context(folders.fresh())))
        server = ours.server("acme")
        logins = (
            Login(ours.service("sasl"), server.username, server.password),
            Login(replace(theirs, name=PLAIN), dovecot.PLAIN, dovecot.PASSWORD),
            Login(replace(theirs, name=HASHED), dovecot.HASHED, dovecot.PASSWORD),
        )
        alone = ALONE.format(settings.sessions)
        cases = [Case(alone, each.service.name, partial(_ask, each, settings)) for each in logins]
        cases += _through(stack, logins, settings)
        results = interleave(cases, settings.rounds)
    for each in logins:
        name = each.service.name
        results.ratio(alone, name, PLAIN, CPU_US, called="ratio of CPU", inverse=True)
        times = results.ratio(alone, name, PLAIN, ASKED, called="ratio to plain")
        through = results.ratio(THROUGH, name, NONE, RATE, called="ratio to none")
        results.ratio(THROUGH, name, NONE, CPU, called="ratio of CPU", inverse=True)
        if each is logins[0]:
            targets = [
                Target("SASL alone: logins a second to those of Dovecot, plain", times, 1.0),
                Target("SASL through Postfix: rate to that without a login", through, 0.93),
            ]
    return Report(results.rows, targets)


def _ask(login: Login, settings: Settings, share: float) -> dict[str, float]:
    response = base64.b64encode(f"\0{login.username}\0{login.password}".encode())
    text = (
        b"AUTH\t%d\tPLAIN\tservice=sparkpost\tnologin\tlip=127.0.0.1\trip=127.0.0.1\tresp=" + response + b"\n"
    )
    question = Question(text, b"OK\t", b"\n", HANDSHAKE % os.getpid(), b"DONE\n")
    return ask(login.service, question, connections=settings.sessions, seconds=settings.seconds * share)


def _through(stack: contextlib.ExitStack, logins: tuple[Login, ...], settings: Settings) -> Iterator[Case]:
    listeners: dict[str, dict[str, str]] = {NONE: {}}
    for each in logins:
        listeners[each.service.name] = {
            "smtpd_sasl_auth_enable": "yes",
            "smtpd_sasl_type": "dovecot",
            "smtpd_sasl_path": each.service.address,
            "smtpd_sasl_service": "sparkpost",
        }
    other = stack.enter_context(reference.running(listeners))
    text = partial(messages.plain, 4096)
    yield case(THROUGH, other.contender(NONE), text, settings, per_session=1)
    for each in logins:
        contender = other.contender(
            each.service.name, roots=each.service.roots, login=(each.username, each.password)
        )
        yield case(THROUGH, contender, text, settings, per_session=1)
