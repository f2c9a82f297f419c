"""R1: kill -9 of everything at random under load, every message judged."""

from collections import Counter

from estafeta_chaos.killer import KINDS, OURS
from estafeta_chaos.letters import MIX
from estafeta_chaos.run import Plan as Chaos
from estafeta_chaos.run import run as chaos
from estafeta_soak.judged import judged
from estafeta_soak.step import Plan, Row

SECONDS = 1200.0
ACCEPTED, KILLS, EACH = 100_000, 1000, 100
CLIENTS, EVERY = 16, 1.1  # seconds from kill to kill, on average
PER_KILL = 0.2  # doubles at most, each of them explained
PATIENCE = 600.0


def run(plan: Plan, row: Row) -> None:
    """Run the row; with `--minutes` for so long, however much is accepted by then."""
    timed = plan.minutes is not None
    accepted, kills, each = (0 if timed else plan.count(number) for number in (ACCEPTED, KILLS, EACH))
    with plan.sandbox() as (relay, server):
        asked = Chaos(
            seed=plan.seed,
            seconds=plan.seconds(SECONDS),
            clients=CLIENTS,
            every=EVERY,
            kinds=KINDS,
            mix=MIX,
            patience=PATIENCE,
            accepted=accepted,
            each=each,
        )
        result = chaos(relay, asked, plan.say, server)
    judged(row, result)
    taken = sum(attempt.verdict == "accepted" for attempt in result.evidence.attempts)
    row.hold("messages accepted", f"at least {accepted}", taken, taken >= accepted)
    killed = Counter(kill.kind for kill in result.evidence.kills)
    row.hold("kills", f"at least {kills}", killed.total(), killed.total() >= kills)
    ours = {kind: killed[kind] for kind in OURS}
    row.hold("kills of each of our daemons", f"at least {each}", ours, min(ours.values()) >= each)
    rate = len(result.verdict.doubles) / max(1, killed.total())
    row.hold("copies that came twice, for each kill", f"at most {PER_KILL}", f"{rate:.3f}", rate <= PER_KILL)
