"""One run: load and kills for a time, then quiet, then the verdict."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from estafeta_chaos import ground
from estafeta_chaos.client import CREDENTIAL, Attempt, Client, Shared
from estafeta_chaos.judge import Evidence, Judge, Verdict, Violation
from estafeta_chaos.killer import Kill, Killer
from estafeta_chaos.letters import Letter, letters
from estafeta_chaos.maillog import MailLog
from estafeta_chaos.outcome import arrivals, stored
from estafeta_chaos.whole import Inspector
from estafeta_testing.relay import Relay
from estafeta_testing.signatures import Records

JOIN = 90.0  # seconds; a client may be waiting for a reply as long as clients wait
PROGRESS = 5.0  # seconds between two lines
LAST = 90.0  # seconds for one quiet message to be accepted, once nothing is killed any more

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does."""

    seed: int
    seconds: float
    clients: int
    every: float  # seconds from kill to kill, on average
    kinds: tuple[str, ...]  # whom to kill
    mix: Mapping[str, int]  # weights of the kinds of letters
    patience: float  # seconds for the queue to run empty


@dataclass(slots=True)
class Result:
    """What came of it."""

    plan: Plan
    verdict: Verdict
    evidence: Evidence
    inspector: Inspector
    seconds: dict[str, float] = field(default_factory=dict)  # what took how long


def run(relay: Relay, plan: Plan, say: Say) -> Result:
    """Run `plan` in a sandbox that is thrown away afterwards, and return what was found."""
    with ground.prepared(relay):
        return _run(relay, plan, say)


def _run(relay: Relay, plan: Plan, say: Say) -> Result:
    history: list[Attempt] = []
    took: dict[str, float] = {}
    with _timed(took, "load"):
        kills = _break(relay, plan, history, say)
    with _timed(took, "settle"):
        empty = ground.settle(relay, plan.patience, say)
        last = _last(relay, plan, history) if empty else None
        recorded = last is not None and ground.recorded(relay, last.queue_id, len(last.draft.recipients))
    with _timed(took, "check"):
        say("comparing what clients were told, what came and what is recorded")
        evidence = _evidence(relay, history, kills)
        inspector = Inspector(relay.links, relay.web, Records.of(relay.description))
        verdict = _verdict(relay, evidence, inspector)
    if not empty:
        verdict.violations.append(Violation("stuck", "", "the queue does not run empty", ground.left(relay)))
    elif not recorded:
        text = "mail does not go again, or is not recorded"
        verdict.violations.append(Violation("stuck", "", text, ground.left(relay)))
    return Result(plan, verdict, evidence, inspector, took)


def _break(relay: Relay, plan: Plan, history: list[Attempt], say: Say) -> list[Kill]:
    """Send and kill for the time of the plan; return the kills."""
    stop, quiet = threading.Event(), threading.Event()
    shared = Shared(letters(plan.seed, plan.mix))
    clients = [
        Client(relay, shared, history, stop, random.Random(f"client {plan.seed} {number}"))
        for number in range(plan.clients)
    ]
    killer = Killer(relay, plan.kinds, plan.every, quiet, random.Random(f"kills {plan.seed}"))
    for thread in (*clients, killer):
        thread.start()
    began = time.monotonic()
    while (passed := time.monotonic() - began) < plan.seconds:
        time.sleep(min(PROGRESS, plan.seconds - passed))
        say(f"{time.monotonic() - began:4.0f} s: {_line(history)}, {len(killer.kills)} kills")
    quiet.set()
    killer.join(JOIN)
    stop.set()
    for client in clients:
        client.join(JOIN)
    return killer.kills


def _last(relay: Relay, plan: Plan, history: list[Attempt]) -> Attempt | None:
    """Send one message more until it is accepted: everything before it is in the log before it is."""
    letter = Letter(0, "tracked", 1, 0, 0, 0, links=1, rich=False, dkim_key="", ip_pool="")
    stop = threading.Event()
    client = Client(relay, iter([letter]), history, stop, random.Random(plan.seed))
    client.start()
    client.join(LAST)
    stop.set()
    return next((each for each in history if each.draft.letter is letter and each.queue_id), None)


def _evidence(relay: Relay, history: list[Attempt], kills: list[Kill]) -> Evidence:
    with relay.store() as store:
        found = stored(store, CREDENTIAL.partition("/")[0])
    came = list(arrivals(relay.dir / "outbox"))
    return Evidence(history, came, found, MailLog(relay.maillog), kills)


def _verdict(relay: Relay, evidence: Evidence, inspector: Inspector) -> Verdict:
    verdict = Judge(evidence, inspector).verdict()
    for line in ground.own_failures(relay):
        verdict.violations.append(Violation("store", "", f"a daemon failed: {line}"))
    sound = relay.sql("PRAGMA integrity_check")
    if sound != [("ok",)]:
        verdict.violations.append(Violation("store", "", f"the database is broken: {sound}"))
    return verdict


def _line(history: list[Attempt]) -> str:
    verdicts = Counter(attempt.verdict for attempt in history)
    return ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())


@contextmanager
def _timed(took: dict[str, float], what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    took[what] = round(time.monotonic() - began, 1)
