"""R11: daemons told to end, and to read their configuration again, while mail flows; Postfix reloaded."""

import contextlib
import os
import random
import signal
import time
from functools import partial

from estafeta_chaos.client import Attempt
from estafeta_chaos.killer import Kill
from estafeta_chaos.letters import MIX
from estafeta_chaos.run import Plan as Chaos
from estafeta_chaos.run import line
from estafeta_chaos.run import run as chaos
from estafeta_soak.judged import judged
from estafeta_soak.mail import percentile
from estafeta_soak.step import Plan, Row
from estafeta_testing.queue import postfix
from estafeta_testing.relay import Relay
from estafeta_testing.victims import Victims

TIMES = 50
ROLES = ("milter", "policy", "sasl", "web", "worker")
WAYS = ("SIGTERM", "SIGHUP", "reload of Postfix")
EVERY = 3.0  # seconds from one to the next, on average: what was ended is up again
CLIENTS = 6
LONGEST = 10.0  # seconds for a message in hand to be answered


def run(plan: Plan, row: Row) -> None:
    """Run the row."""
    done: list[str] = []
    asked = Chaos(seed=plan.seed, seconds=0, clients=CLIENTS, every=EVERY, kinds=(), mix=MIX, patience=300.0)
    with plan.sandbox() as (relay, server):
        breaking = partial(_restart, plan, relay, plan.count(TIMES), done)
        result = chaos(relay, asked, plan.say, server, breaking)
    judged(row, result)
    row.hold("copies that came twice", "0", len(result.verdict.doubles), not result.verdict.doubles)
    waits = [each.ended - each.dot for each in result.evidence.attempts if each.dot is not None]
    longest = max(waits, default=0.0)
    row.hold("longest wait behind the final dot", f"{LONGEST:g} s", f"{longest:.2f} s", longest <= LONGEST)
    lost = sum(each.verdict == "ambiguous" for each in result.evidence.attempts)
    row.hold("connections lost behind the final dot", "0", lost, not lost)
    row.figures["restarts and reloads"] = {what: done.count(what) for what in sorted(set(done))}
    row.figures["dot to reply, ms, p50, p99"] = [
        round(1000 * percentile(waits, part)) for part in (0.5, 0.99)
    ]


def _restart(plan: Plan, relay: Relay, times: int, done: list[str], history: list[Attempt]) -> list[Kill]:
    chance, victims = plan.chance("restarts"), Victims(relay)
    time.sleep(EVERY)
    for number in range(times):
        done.append(_one(relay, victims, chance, number))
        time.sleep(chance.uniform(0.5, 1.5) * EVERY)
        plan.say(f"R11, {number + 1} of {times}: {done[-1]}; {line(history)}")
    return []


def _one(relay: Relay, victims: Victims, chance: random.Random, number: int) -> str:
    """Restart or reload one daemon, or Postfix; return what was done."""
    way = WAYS[number % len(WAYS)]
    if way not in ("SIGTERM", "SIGHUP"):
        postfix(relay, "postfix", "reload")
        return way
    role = chance.choice(ROLES)
    with contextlib.suppress(ProcessLookupError, IndexError):  # it may be on its way up
        os.kill(victims.pids(role)[0], signal.Signals[way])
    return f"{way} {role}"
