"""Estafeta beside bare Postfix and beside a milter that does nothing."""

import contextlib
from functools import partial

from bench import folders, messages, reference
from bench.contenders import estafeta, noop
from bench.mail import CPU, RATE, case
from bench.rounds import Report, Settings, Target, interleave
from bench.sections import memory

TITLE = "Through Postfix, beside a milter that does nothing"
BARE = "bare Postfix"
LOADS = {
    "4 KB": partial(messages.plain, 4096),
    "40 KB": partial(messages.plain, 40960),
    "20 KB, tracked": partial(messages.newsletter, 20480, 20),
}
TARGETS = {"4 KB": 0.80, "40 KB": 0.80, "20 KB, tracked": 0.60}


def run(settings: Settings) -> Report:
    """Send every load through all of them."""
    with contextlib.ExitStack() as stack:
        milter = stack.enter_context(noop.running(stack.enter_context(folders.fresh())))
        listeners = {BARE: {}, noop.NAME: {"smtpd_milters": milter.address}}
        other = stack.enter_context(reference.running(listeners))
        ours = stack.enter_context(estafeta.running())
        contenders = (
            other.contender(BARE),
            other.contender(noop.NAME, roots=milter.roots),
            ours.contender("acme", estafeta.NAME),
            ours.contender("signed", estafeta.SIGNED),
        )
        cases = [case(load, each, text, settings) for load, text in LOADS.items() for each in contenders]
        results = interleave(cases, settings.rounds)
        peaks, memory_targets = memory.of(ours.processes)
    targets = []
    for load, bound in TARGETS.items():
        for each in contenders:
            results.ratio(load, each.name, noop.NAME, CPU, called="ratio of CPU", inverse=True)
            rates = results.ratio(load, each.name, noop.NAME, RATE, called="ratio to no-op")
            if each.name == estafeta.NAME:
                targets.append(Target(f"{load}: rate to that of the no-op pymilter", rates, bound))
    return Report([*results.rows, *peaks], [*targets, *memory_targets])
