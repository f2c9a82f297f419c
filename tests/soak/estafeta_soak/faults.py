"""R9: each fault is put in while mail flows, and lifted: only 4xx, nothing lost, well again by itself.

A fault has a sandbox of its own; its clients and its judge are those of `estafeta_chaos`.
"""

import time
from collections.abc import Sequence
from functools import partial

from estafeta_chaos.client import Attempt
from estafeta_chaos.killer import Kill
from estafeta_chaos.letters import MIX
from estafeta_chaos.run import Plan as Chaos
from estafeta_chaos.run import Result, line
from estafeta_chaos.run import run as chaos
from estafeta_soak.injected import FAULTS, Fault, Scene
from estafeta_soak.step import Plan, Row
from estafeta_testing import sandbox as testing
from estafeta_testing.relay import Relay

SECONDS = 30.0  # with the fault, and as long behind it
HEALED = 10.0  # seconds until mail goes again
CLIENTS = 4
FIRST = 20  # messages are accepted before it begins
PATIENCE = 120.0
# Nobody has to wait for the usual twenty seconds; a store that answers late is a fault after two.
CONFIG = f"{testing.QUICK}store_timeout: 2\n"


def run(plan: Plan, row: Row) -> None:
    """Run the row."""
    for fault in FAULTS.values():
        if plan.store in fault.stores:
            plan.say(f"R9, {fault.name}: {fault.what}")
            _one(plan, row, fault)


def _one(plan: Plan, row: Row, fault: Fault) -> None:
    healed: list[float] = []
    asked = Chaos(seed=plan.seed, seconds=0, clients=CLIENTS, every=1, kinds=(), mix=MIX, patience=PATIENCE)
    with fault.place(plan.store) as place, testing.started_with(place.arguments, config=CONFIG) as running:
        scene = Scene(Relay(running.description), place)
        breaking = partial(_inject, plan, fault, scene, healed)
        result = chaos(scene.relay, asked, plan.say, place.server, breaking)
        said = [*scene.wrong, *_broken(fault, result)]
    row.hold(
        f"{fault.name}, {fault.what}",
        "nothing lost, doubled, spoilt; only 4xx",
        "; ".join(said) or "held",
        not said,
    )
    seconds = healed[0] if healed else float("inf")
    row.hold(f"{fault.name}: mail goes again", f"in {HEALED:g} s", f"{seconds:.1f} s", seconds <= HEALED)
    attempts = result.evidence.attempts
    row.figures[fault.name] = {
        "accepted": sum(each.verdict == "accepted" for each in attempts),
        "put off": sum(each.verdict == "refused" for each in attempts),
        "connections lost": sum(each.verdict in ("dropped", "ambiguous") for each in attempts),
        **scene.figures,
    }


def _inject(
    plan: Plan, fault: Fault, scene: Scene, healed: list[float], history: list[Attempt]
) -> list[Kill]:
    """Put the fault in, lift it, and see when the first message behind it is accepted."""
    _wait(history, 0.0, FIRST, PATIENCE)
    with fault.injected(scene):
        time.sleep(plan.seconds(SECONDS))
        during = line(history)
    lifted = time.time()
    first = _wait(history, lifted, 1, PATIENCE)
    if first:
        healed.append(first[0].ended - lifted)
    plan.say(f"R9, {fault.name}: lifted; {during}; again after {healed}")
    time.sleep(plan.seconds(SECONDS))
    return scene.kills


def _wait(history: Sequence[Attempt], since: float, count: int, patience: float) -> list[Attempt]:
    """Wait until so many messages are accepted behind a time."""
    give_up = time.monotonic() + patience
    while True:
        found = [each for each in list(history) if each.verdict == "accepted" and each.ended >= since]
        if len(found) >= count or time.monotonic() > give_up:
            return found
        time.sleep(0.05)


def _broken(fault: Fault, result: Result) -> list[str]:
    """Return what may not be."""
    found = [
        f"{each.what}: {each.text[:200]}"
        for each in result.verdict.violations
        if not (fault.may_log and each.text.startswith("a daemon failed"))
    ]
    found += [f"doubled: {each.text[:200]}" for each in result.verdict.doubles if not fault.kills]
    return found
