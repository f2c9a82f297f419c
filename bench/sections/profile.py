"""Where the CPU of a message goes: by process through Postfix, and by handler and stage within the milter.

By process: Postfix's processes may serve for ever here, so that none ends and takes its time with it. By
handler: the milter's own code in this process, one message after the other, with the time of each stage less
that of the stages within it. The store's is that of a commit alone, which many messages share under load.
"""

import contextlib
import statistics
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from bench import folders, measure, messages, reference
from bench.contenders import estafeta, noop
from bench.mail import CPU, Template, once
from bench.measure import Contender
from bench.rounds import Case, Report, Row, Settings, interleave
from bench.sections import stages

TITLE = "CPU of a message by process and by handler"
LOADS = {
    "4 KB": ("acme", partial(messages.plain, 4096)),
    "20 KB, tracked, signed": ("signed", partial(messages.newsletter, 20480, 20)),
}
FOR_EVER = "1000000"


def run(settings: Settings) -> Report:
    """Measure both ways."""
    with contextlib.ExitStack() as stack:
        milter = stack.enter_context(noop.running(stack.enter_context(folders.fresh())))
        listeners = {noop.NAME: {"smtpd_milters": milter.address}}
        other = stack.enter_context(reference.running(listeners, max_use=FOR_EVER))
        ours = stack.enter_context(estafeta.running())
        ours.configure(f"max_use={FOR_EVER}")
        idle = other.contender(noop.NAME, roots=milter.roots)
        cases = [
            Case(load, each.name, partial(_round, each, text, settings))
            for load, (account, text) in LOADS.items()
            for each in (idle, ours.contender(account, f"Estafeta, {account}"))
        ]
        results = interleave(cases, settings.rounds)
        config = Path(ours.said["config"])
        within = [
            row
            for load, (account, text) in LOADS.items()
            for row in stages.rows(config, load, ours.server(account), text, rounds=settings.rounds)
        ]
    rows = [row for each in results.rows for row in _by_process(each)]
    return Report([*rows, *within], remarks=[_largest(load, rows) for load in LOADS])


def _round(contender: Contender, text: Template, settings: Settings, share: float) -> Mapping[str, float]:
    before = _ticks(contender)
    count = max(settings.sessions, int(settings.messages * share))
    done = once(contender, text, count, settings.sessions)
    after = _ticks(contender)
    spent = {name: after[name] - before.get(name, 0.0) for name in sorted(after)}
    return {CPU: done[CPU], **{name: seconds * 1e6 / count for name, seconds in spent.items()}}


def _ticks(contender: Contender) -> dict[str, float]:
    """Return the CPU seconds of all processes that take part, by what they are."""
    found: dict[str, float] = {}
    for pid in measure.tree(contender.roots):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            name = _name(pid)
            found[name] = found.get(name, 0.0) + measure.own_cpu_seconds(pid)
    return found


def _name(pid: int) -> str:
    """Return the program of a process, or the role of one of ours."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    if b"serve" in words:
        return words[words.index(b"serve") + 1].decode()
    if b"bench.contenders.noop_callbacks" in words:
        return "milter"
    return Path(f"/proc/{pid}/comm").read_text().strip()


def _by_process(row: Row) -> Iterator[Row]:
    """Yield a row for each process that took a hundredth of a millisecond or more, the largest first."""
    spent = {name: values for name, values in row.measures.items() if name != CPU}
    yield Row(row.load, row.contender, {"CPU us a message": [value * 1000 for value in row.measures[CPU]]})
    for name, values in sorted(spent.items(), key=lambda each: -statistics.median(each[1])):
        if statistics.median(values) >= 10:
            yield Row(row.load, f"- {name}", {"CPU us a message": values})


def _largest(load: str, rows: list[Row]) -> str:
    ours = [row for row in rows if row.load == load]
    start = max(place for place, row in enumerate(ours) if not row.contender.startswith("- "))
    return f"largest, {load}: " + ", ".join(row.contender[2:] for row in ours[start + 1 : start + 4])
