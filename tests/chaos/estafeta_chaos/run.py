"""One run: load and kills for a time, then quiet, then the verdict."""

import contextlib
import functools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from estafeta_chaos import ground
from estafeta_chaos.client import CREDENTIAL, Attempt, Client, Shared
from estafeta_chaos.judge import Evidence, Judge, Verdict, Violation
from estafeta_chaos.killer import OURS, Kill, Killer
from estafeta_chaos.letters import Letter, letters
from estafeta_chaos.maillog import MailLog
from estafeta_chaos.outcome import arrivals, stored
from estafeta_chaos.whole import Inspector
from estafeta_testing import postgresql
from estafeta_testing.postgresql import Cluster
from estafeta_testing.relay import Relay
from estafeta_testing.sandbox import STORES
from estafeta_testing.signatures import Records
from estafeta_testing.stored import unsound

JOIN = 90.0  # seconds; a client may be waiting for a reply as long as clients wait
PROGRESS = 5.0  # seconds between two lines
LAST = 90.0  # seconds for one quiet message to be accepted, once nothing is killed any more

Say = Callable[[str], None]
Breaking = Callable[[list[Attempt]], list[Kill]]  # given what clients were told so far, which grows


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
    accepted: int = 0  # and until so many messages are accepted, however long that takes,
    each: int = 0  # and each of our daemons was killed so often


@dataclass(slots=True)
class Result:
    """What came of it."""

    plan: Plan
    verdict: Verdict
    evidence: Evidence
    inspector: Inspector
    seconds: dict[str, float] = field(default_factory=dict)  # what took how long


def run(
    relay: Relay, plan: Plan, say: Say, server: Cluster | None = None, breaking: Breaking | None = None
) -> Result:
    """Run `plan` in a sandbox that is thrown away afterwards, and return what was found.

    `server` is where the sandbox has its store, if that is PostgreSQL: it is among what is killed.
    With `breaking`, that is what happens while clients send, instead of kills.
    """
    with ground.prepared(relay):
        return _run(relay, plan, say, breaking or functools.partial(_kill, relay, plan, say, server))


def _run(relay: Relay, plan: Plan, say: Say, breaking: Breaking) -> Result:
    history: list[Attempt] = []
    took: dict[str, float] = {}
    with _timed(took, "load"):
        kills = _break(relay, plan, history, breaking)
    with _timed(took, "settle"):
        empty = ground.settle(relay, plan.patience, say)
        last = _last(relay, plan, history) if empty else None
        recorded = last is not None and ground.recorded(relay, last.queue_id, len(last.draft.recipients))
    with _timed(took, "check"):
        say("comparing what clients were told, what came and what is recorded")
        evidence = _evidence(relay, history, kills)
        inspector = Inspector(relay.links, relay.web, Records.of(relay.description))
        verdict = _verdict(relay, evidence, inspector, say)
    if not empty:
        verdict.violations.append(Violation("stuck", "", "the queue does not run empty", ground.left(relay)))
    elif not recorded:
        text = "mail does not go again, or is not recorded"
        verdict.violations.append(Violation("stuck", "", text, ground.left(relay)))
    return Result(plan, verdict, evidence, inspector, took)


def _break(relay: Relay, plan: Plan, history: list[Attempt], breaking: Breaking) -> list[Kill]:
    """Have clients send while all is being broken; return the kills."""
    stop = threading.Event()
    shared = Shared(letters(plan.seed, plan.mix))
    clients = [
        Client(relay, shared, history, stop, random.Random(f"client {plan.seed} {number}"))
        for number in range(plan.clients)
    ]
    for client in clients:
        client.start()
    try:
        return breaking(history)
    finally:
        stop.set()
        for client in clients:
            client.join(JOIN)


def _kill(relay: Relay, plan: Plan, say: Say, server: Cluster | None, history: list[Attempt]) -> list[Kill]:
    """Kill one after the other until there was enough of time and of mail, or until Ctrl-C."""
    chance = random.Random(f"kills {plan.seed}")
    killer = Killer(relay, plan.kinds, chance, server)
    began = time.monotonic()
    told = 0.0
    with contextlib.suppress(KeyboardInterrupt):  # what was sent by then is judged all the same
        while (passed := time.monotonic() - began) < plan.seconds or not _enough(plan, history, killer.kills):
            time.sleep(chance.uniform(0.5, 1.5) * plan.every)
            killer.kill()
            if passed > told + PROGRESS:
                told = passed
                say(f"{passed:4.0f} s: {line(history)}, {len(killer.kills)} kills")
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
    found = stored(relay.description["store"], CREDENTIAL.partition("/")[0])
    came = list(arrivals(relay.dir / "outbox"))
    return Evidence(history, came, found, MailLog(relay.maillog), kills)


def _verdict(relay: Relay, evidence: Evidence, inspector: Inspector, say: Say) -> Verdict:
    verdict = Judge(evidence, inspector).verdict(say)
    for line in ground.own_failures(relay):
        verdict.violations.append(Violation("store", "", f"a daemon failed: {line}"))
    for fault in unsound(relay.description["store"]):
        verdict.violations.append(Violation("store", "", f"the database is broken: {fault}"))
    return verdict


def _enough(plan: Plan, history: list[Attempt], kills: list[Kill]) -> bool:
    killed = Counter(kill.kind for kill in kills)
    if any(killed[kind] < plan.each for kind in OURS):
        return False
    return sum(attempt.verdict == "accepted" for attempt in history) >= plan.accepted


def line(history: list[Attempt]) -> str:
    """Return what clients were told so far, counted."""
    verdicts = Counter(attempt.verdict for attempt in history)
    return ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())


@contextlib.contextmanager
def store(kind: str) -> Iterator[tuple[list[str], Cluster | None]]:
    """Yield what a sandbox is told of its store, one of STORES, and the server of its own that it has."""
    if kind == STORES[0]:
        yield [], None
        return
    with postgresql.running() as server, server.store() as url:
        yield ["--store", url], server


@contextlib.contextmanager
def _timed(took: dict[str, float], what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    took[what] = round(time.monotonic() - began, 1)
