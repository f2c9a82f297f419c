"""What `estafeta show` tells about a message, waited for until it is complete."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from estafeta_postfix.demo.report import PATIENCE, Report
from estafeta_postfix.demo.scenario import Scenario

_T = TypeVar("_T")


def wait(look: Callable[[], _T | None]) -> _T | None:
    """Return what `look` finds as soon as it is not None; None when it is not there in time."""
    give_up = time.monotonic() + PATIENCE
    while (found := look()) is None and time.monotonic() < give_up:
        time.sleep(0.05)
    return found


def show(sandbox: Mapping[str, Any], queue_id: str, *options: str) -> str:
    """Return what `estafeta show` says about a message."""
    return _estafeta(sandbox, "show", queue_id, *options)


def _estafeta(sandbox: Mapping[str, Any], *arguments: str) -> str:
    estafeta = [sys.executable, "-m", "estafeta_postfix", "--config", sandbox["config"]]
    done = subprocess.run([*estafeta, *arguments], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def check(sandbox: Mapping[str, Any], scenario: Scenario, queue_id: str, report: Report) -> None:
    """Wait for the events that the scenario leads to, and note each; then look it up in lists."""
    recorded: set[tuple[str, str]] = set()
    expected = {(recipient, kind) for recipient, kinds in scenario.events.items() for kind in kinds}

    def complete() -> bool | None:
        events = shown(sandbox, queue_id).get("events", ())
        recorded.update((str(event.get("raw_rcpt_to")), event["type"]) for event in events)
        return expected <= recorded or None

    wait(complete)
    for recipient, kinds in scenario.events.items():
        for kind in sorted(kinds):
            report.check((recipient, kind) in recorded, f"{recipient}: {kind}", sorted(recorded))
    transmission_id = shown(sandbox, queue_id).get("transmission_id", "")
    for kind in scenario.listed:
        said = _estafeta(sandbox, kind, "list", "--json")
        found = [line for line in said.splitlines() if f'"{transmission_id}"' in line]
        report.check(len(found) == 1, f"`estafeta {kind} list` shows it", said)


def shown(sandbox: Mapping[str, Any], queue_id: str) -> dict[str, Any]:
    """Return what `show --json` says; nothing where it found nothing."""
    said = show(sandbox, queue_id, "--json")
    found: dict[str, Any] = json.loads(said) if said.startswith("{") else {}
    return found
