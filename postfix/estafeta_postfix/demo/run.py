"""The whole demonstration, one scenario after the other."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from estafeta_postfix.demo import client, recorded
from estafeta_postfix.demo.browser import Browser
from estafeta_postfix.demo.delivered import Delivered, of_message
from estafeta_postfix.demo.devino import DEVINO
from estafeta_postfix.demo.emitlo import EMITLO
from estafeta_postfix.demo.perfit import PERFIT
from estafeta_postfix.demo.report import Report
from estafeta_postfix.demo.scenario import Scenario
from estafeta_postfix.demo.sparkpost import SPARKPOST
from estafeta_postfix.demo.sparkpost_copies import SPARKPOST_COPIES
from estafeta_postfix.demo.teenvio import TEENVIO

SCENARIOS = (SPARKPOST, SPARKPOST_COPIES, PERFIT, TEENVIO, DEVINO, EMITLO)


def run(
    sandbox: Mapping[str, Any], say: Callable[[str], None], scenarios: Sequence[Scenario] = SCENARIOS
) -> int:
    """Go through the demonstration in a running sandbox; return how many expectations failed."""
    report = Report(say)
    for scenario in scenarios:
        _play(sandbox, scenario, report)
    return report.failures


def _play(sandbox: Mapping[str, Any], scenario: Scenario, report: Report) -> None:
    report.say(f"\n{'─' * 20} {scenario.title} sends a message:")
    queue_id = client.send(sandbox, scenario, report)
    if not queue_id:
        return
    report.say(f"\nWhat {scenario.reader} gets, and does:")
    delivered = _delivered(sandbox, scenario, queue_id, report)
    if delivered is None:
        return
    scenario.look(delivered, Browser(sandbox["web"]), report)
    report.say("\nWhat was recorded:")
    recorded.check(sandbox, scenario, queue_id, report)
    if scenario.compare is not None:
        report.say("\nThe copies:")
        scenario.compare(of_message(Path(sandbox["outbox"]), queue_id), report)
    report.say("\n--- the message as it left ---\n")
    report.say(delivered.raw.decode("utf-8", "replace").replace("\r\n", "\n"))
    report.say(f"--- estafeta show {queue_id} ---\n")
    report.say(recorded.show(sandbox, queue_id))


def _delivered(
    sandbox: Mapping[str, Any], scenario: Scenario, queue_id: str, report: Report
) -> Delivered | None:
    """Return the reader's copy, once it is there; a control header of any provider must not be in it."""
    outbox = Path(sandbox["outbox"])

    def look() -> Delivered | None:
        copies = of_message(outbox, queue_id)
        return next((copy for copy in copies if copy.recipient == scenario.reader), None)

    found = recorded.wait(look)
    report.check(found is not None, f"one message in {outbox}/new", "none")
    if found is not None:
        steering = [name for name in found.message if name.lower().startswith(("x-msys-", "x-teenvio-"))]
        report.check(not steering, "no control header is left in it", steering)
        return_path = str(found.message["Return-Path"])
        ours = return_path.startswith("<b+")
        report.check(ours, "the return path is ours, so that bounces come back to us", return_path)
    return found
