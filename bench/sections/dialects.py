"""Estafeta as the clients of each provider meet it: the same message, tracked as that provider does it.

Teenvio's, Devino's, Perfit's and Emitlo's mail is tracked unless it says otherwise; SparkPost's says so.
"""

import contextlib
from functools import partial

from bench import folders, messages, reference
from bench.contenders import estafeta, noop
from bench.mail import CPU, RATE, case
from bench.rounds import Report, Settings, interleave

TITLE = "Per dialect"
LOAD = "4 KB, text and HTML, 5 links"
ACCOUNTS = ("acme", "plan", "website", "micuenta", "yourdomain")


def run(settings: Settings) -> Report:
    """Send the message as each of them."""
    with contextlib.ExitStack() as stack:
        milter = stack.enter_context(noop.running(stack.enter_context(folders.fresh())))
        other = stack.enter_context(reference.running({noop.NAME: {"smtpd_milters": milter.address}}))
        ours = stack.enter_context(estafeta.running())
        contenders = [other.contender(noop.NAME, roots=milter.roots)]
        contenders += [
            ours.contender(login.name, f"Estafeta, {login.dialect}")
            for login in estafeta.LOGINS
            if login.name in ACCOUNTS
        ]
        text = partial(messages.alternative, 4096, 5)
        results = interleave([case(LOAD, each, text, settings) for each in contenders], settings.rounds)
    for each in contenders:
        results.ratio(LOAD, each.name, noop.NAME, CPU, called="ratio of CPU", inverse=True)
        results.ratio(LOAD, each.name, noop.NAME, RATE, called="ratio to no-op")
    return Report(results.rows)
