"""R4: mutants through every parser, over SMTP and over HTTP: nothing ends, nothing is put off or leaks."""

from pathlib import Path

from estafeta_fuzz import http, smtp
from estafeta_fuzz.mutate import mutate
from estafeta_fuzz.targets import TARGETS
from estafeta_soak.step import Plan, Row

LINES = 50_000  # each of what comes by lines
LINED = ("auth", "policy", "token")
OTHERS = 25_000  # and of each other parser
SMTP, HTTP = 50_000, 50_000


def run(plan: Plan, row: Row) -> None:
    """Run the row."""
    for name, target in TARGETS.items():
        count = plan.count(LINES if name in LINED else OTHERS)
        tally = mutate(target, count, plan.seed)
        row.hold(f"{name}, {tally.tried} mutants", "no promise broken", len(tally.found), not tally.found)
        _keep(row, name, tally.found)
        plan.say(f"R4, {name}: {tally.tried} in {tally.seconds:.0f} s, slowest {tally.slowest:.2f} s")
    with plan.sandbox() as (relay, _):
        mail = smtp.send(relay, plan.count(SMTP), plan.seed, lambda _: None)
        said = f"{mail.accepted} accepted, {mail.refused} refused for good, {len(mail.faults)} otherwise"
        row.hold("over SMTP", "250 or 5xx", said, not mail.faults)
        limit = f"in {smtp.LIMIT:g} s, when tried alone again"
        row.hold("slowest over SMTP", limit, f"{mail.slowest:.2f} s, {len(mail.slow)} again", not mail.faults)
        plan.say(f"R4, over SMTP: {said}")
        asked = http.send(relay, plan.count(HTTP), plan.seed, plan.say)
        row.hold("over HTTP", "below 500, or closed", dict(asked.statuses), not asked.faults)
        row.hold(
            "slowest over HTTP", limit, f"{asked.slowest:.2f} s, {len(asked.slow)} again", not asked.faults
        )
        harmed = smtp.harm(relay)
        row.hold("processes that ended, tracebacks", "none", harmed[:3] or "none", not harmed)
    _keep(row, "smtp", mail.faults)
    _keep(row, "http", asked.faults)


def _keep(row: Row, name: str, found: list[tuple[bytes, str]]) -> None:
    """Keep what broke a promise, to be made a test."""
    folder = Path(".cache") / "soak"
    folder.mkdir(parents=True, exist_ok=True)
    for number, (data, why) in enumerate(found):
        path = folder / f"{name}-{row.seed}-{number}"
        path.write_bytes(data)
        row.figures[str(path)] = why[-300:]
