"""Whole servers doing the same durable job: login, edit, queue, deliver to a sink.

Estafeta does everything and signs; Haraka takes a field off, puts one on and rewrites the text. The rate is
that of messages which have arrived at the sink, smtp-sink(1), whose own CPU belongs to neither.
"""

import contextlib
from collections.abc import Iterator
from functools import partial

from bench import folders, messages
from bench.contenders import estafeta, haraka
from bench.mail import CPU, DELIVERED, case
from bench.processes import started
from bench.rounds import Report, Settings, Target, interleave
from estafeta_postfix.instance import command
from estafeta_postfix.ports import take

TITLE = "Whole servers, beside Haraka with a plugin that edits"
LOAD = "4 KB, 5 links"


def run(settings: Settings) -> Report:
    """Send the message through both."""
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(_sink())
        theirs = stack.enter_context(haraka.running(stack.enter_context(folders.fresh()), sink))
        ours = stack.enter_context(estafeta.running(sink)).contender("signed", estafeta.SIGNED)
        text = partial(messages.newsletter, 4096, 5)
        results = interleave([case(LOAD, each, text, settings) for each in (theirs, ours)], settings.rounds)
    results.ratio(LOAD, ours.name, theirs.name, CPU, called="ratio of CPU", inverse=True)
    rates = results.ratio(LOAD, ours.name, theirs.name, DELIVERED, called="ratio to Haraka")
    return Report(results.rows, [Target(f"{LOAD}, signed: delivered a second to Haraka's", rates, 1.2)])


@contextlib.contextmanager
def _sink() -> Iterator[int]:
    (port,) = take(1)
    address = f"127.0.0.1:{port}"
    with started(command("smtp-sink"), "-u", "nobody", address, "1000", answers=f"inet:{address}"):
        yield port
