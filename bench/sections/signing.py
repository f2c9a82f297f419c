"""Estafeta doing everything, beside milters in C that sign and do nothing else."""

import contextlib
from functools import partial

from bench import folders, messages, reference
from bench.contenders import estafeta, noop, opendkim, rspamd
from bench.mail import CPU, RATE, case
from bench.rounds import Report, Settings, Target, interleave

TITLE = "Tracked and signed, beside milters that only sign"
LOADS = {
    "4 KB, 5 links": partial(messages.newsletter, 4096, 5),
    "40 KB, 20 links": partial(messages.newsletter, 40960, 20),
}
PART = {rspamd.NAME: 0.25}  # of the messages, as it takes several times as long


def run(settings: Settings) -> Report:
    """Send both loads through all of them."""
    with contextlib.ExitStack() as stack:
        milters = [
            stack.enter_context(each.running(stack.enter_context(folders.fresh())))
            for each in (noop, opendkim, rspamd)
        ]
        listeners = {each.name: {"smtpd_milters": each.address} for each in milters}
        other = stack.enter_context(reference.running(listeners))
        ours = stack.enter_context(estafeta.running())
        contenders = [other.contender(each.name, roots=each.roots) for each in milters]
        contenders.append(ours.contender("signed", estafeta.SIGNED))
        cases = [
            case(load, each, text, settings, part=PART.get(each.name, 1.0))
            for load, text in LOADS.items()
            for each in contenders
        ]
        results = interleave(cases, settings.rounds)
    targets = []
    for load in LOADS:
        for each in contenders:
            results.ratio(load, each.name, opendkim.NAME, CPU, called="ratio of CPU", inverse=True)
            rates = results.ratio(load, each.name, opendkim.NAME, RATE, called="ratio to opendkim")
        targets.append(Target(f"{load}, signed: rate to that of opendkim", rates, 1.0))
    return Report(results.rows, targets)
