"""What a run found, for people and as JSON."""

import json
import re
from collections import Counter
from dataclasses import asdict
from typing import Any

from estafeta_chaos.judge import Violation
from estafeta_chaos.killer import KINDS
from estafeta_chaos.letters import FAN_OUT
from estafeta_chaos.run import Result

SHOWN = 20  # violations that people are shown; JSON has all
LINES = 25  # of their evidence


def as_json(result: Result) -> str:
    """Return everything on one line."""
    return json.dumps(summary(result) | {"violations": [asdict(each) for each in result.verdict.violations]})


def summary(result: Result) -> dict[str, Any]:
    """Return the figures of a run; the names are those of the JSON."""
    verdict, attempts = result.verdict, result.evidence.attempts
    accepted = [attempt for attempt in attempts if attempt.verdict == "accepted"]
    kills = Counter(kill.kind for kill in result.evidence.kills)
    return {
        "seed": result.plan.seed,
        "seconds": result.seconds,
        "attempts": {"all": len(attempts), **Counter(attempt.verdict for attempt in attempts)},
        "fanned_out": sum(attempt.draft.letter.kind in FAN_OUT for attempt in accepted),
        "recipients": sum(len(attempt.draft.recipients) for attempt in accepted),
        "copies": verdict.copies,
        "replies": Counter(_kind_of(attempt.reply) for attempt in attempts if attempt.verdict == "refused"),
        "kills": {kind: kills[kind] for kind in KINDS if kills[kind]},
        "delivered_unaccepted": verdict.delivered_unaccepted,
        "doubled": Counter(f"{reason.hop}: {reason.killed} killed" for reason in verdict.doubles),
        "doubles": [asdict(reason) for reason in verdict.doubles],
        "found": Counter(violation.what for violation in verdict.violations),
    }


def as_text(result: Result) -> str:
    """Return a page."""
    figures = summary(result)
    attempts, unaccepted = dict(figures["attempts"]), figures["delivered_unaccepted"]
    lines = [
        f"seed {figures['seed']}: {_said(figures['seconds'])}",
        f"attempts   {attempts.pop('all')}: {_said(attempts)}",
        f"accepted   {figures['fanned_out']} fanned out; {figures['recipients']} recipients in all",
        f"delivered  {figures['copies']} copies; not accepted, and delivered: {_said(unaccepted)}",
        f"kills      {len(result.evidence.kills)}: {_said(figures['kills'])}",
        f"doubled    {len(figures['doubles'])}, each explained: {_said(figures['doubled'])}",
        "replies that refused:",
        *(f"  {count:6} {reply}" for reply, count in figures["replies"].most_common()),
        "copies that came twice:",
        *(f"  {each['hop']}, {each['killed']} killed: {each['text']}" for each in figures["doubles"]),
    ]
    violations = result.verdict.violations
    lines.append(f"violations {len(violations)}: {_said(figures['found'])}")
    for violation in violations[:SHOWN]:
        lines += _of(violation)
    return "\n".join(lines)


def _of(violation: Violation) -> list[str]:
    head = f"  {violation.what}: attempt {violation.attempt}: {violation.text}"
    return [head, *(f"      {line[:400]}" for line in violation.evidence[:LINES])]


def _kind_of(reply: str) -> str:
    """Return a reply without what differs from message to message."""
    return re.sub(r" <[^>]*>:", "", reply.partition("\n")[0])[:80]


def _said(figures: dict[str, Any]) -> str:
    return ", ".join(f"{name} {figure}" for name, figure in figures.items()) or "none"
