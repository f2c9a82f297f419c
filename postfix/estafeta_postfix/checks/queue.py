"""Whether copies and reports wait in Postfix's queue for a daemon of ours."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from estafeta_core import sockets
from estafeta_core.jobs import FIELD
from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.checks.setup import Setup
from estafeta_postfix.instance import command, run
from estafeta_postfix.ports import LOOPBACK

MOST = 10_000  # messages looked at; a queue of more has other troubles
OPENED = 100  # recipients whose message is opened: some milliseconds each


def look(setup: Setup) -> Iterator[Finding]:
    """Yield what waits, with the reason of the first."""
    if not setup.installed:
        return
    directory, intake = setup.served.directory, str(sockets.intake(setup.config.run_dir))
    waiting = list(reasons(_postfix(directory, "postqueue", "-j")))
    yield from _told(
        "copies-wait", [why for queue_id, why in _here(waiting) if _is_split(directory, queue_id)]
    )
    yield from _told("reports-wait", [why for _, why in waiting if intake in why])


def reasons(listing: str) -> Iterator[tuple[str, str]]:
    """Yield queue id and reason of each recipient that waits: of `postqueue -j`, a JSON object a message."""
    for line in listing.splitlines()[:MOST]:
        message: dict[str, Any] = json.loads(line)
        for recipient in message["recipients"]:
            if "delay_reason" in recipient:
                yield message["queue_id"], recipient["delay_reason"]


def _here(waiting: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return those that wait for this host: the split says so, and a relay of the operator's own here."""
    return [(queue_id, why) for queue_id, why in waiting if f"{LOOPBACK}[{LOOPBACK}]" in why][:OPENED]


def _is_split(directory: Path, queue_id: str) -> bool:
    """Whether a message is one whose copies are made on their way, by the job in its header."""
    return f"\n{FIELD}:" in _postfix(directory, "postcat", "-qh", queue_id)


def _told(code: str, waiting: list[str]) -> Iterator[Finding]:
    if waiting:
        yield Finding(
            "warning",
            code,
            "Postfix's queue",
            f"{len(waiting)} {_WHAT[code]}, the first because: {waiting[0]}",
            f"{_REMEDY[code]}; then `postqueue -f`, or wait: Postfix tries again by itself",
        )


_WHAT = {"copies-wait": "recipients wait for their copies", "reports-wait": "reports wait for the intake"}
_REMEDY = {
    "copies-wait": "see what the checks sockets and dkim_keys say, and what the milter logs of that queue id",
    "reports-wait": "see that `estafeta serve intake` runs",
}


def _postfix(directory: Path, name: str, *arguments: str) -> str:
    """Return what one of Postfix's commands says; nothing of a message that has left meanwhile."""
    return run([command(name), "-c", str(directory), *arguments]).stdout
