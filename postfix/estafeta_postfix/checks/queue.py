"""Whether copies and reports wait in Postfix's queue for a daemon of ours."""

import json
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from estafeta_core import sockets
from estafeta_core.config.schema import Config
from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.checks.setup import Setup
from estafeta_postfix.instance import COMMAND_TIMEOUT, command
from estafeta_postfix.ports import LOOPBACK

MOST = 10_000  # messages looked at; a queue of more has other troubles


def look(setup: Setup) -> Iterator[Finding]:
    """Yield what waits, with the reason of the first."""
    if setup.installed:
        yield from waiting(setup.config, _reasons(_listing(setup.served.directory)))


def waiting(config: Config, reasons: Iterable[str]) -> Iterator[Finding]:
    """Yield a finding for each kind of what waits; `reasons` say why each recipient does."""
    copies = f"{LOOPBACK}[{LOOPBACK}]:{config.delivery_port}"
    waits: dict[str, list[str]] = {"copies-wait": [], "reports-wait": []}
    for reason in reasons:
        if copies in reason:
            waits["copies-wait"].append(reason)
        elif str(sockets.intake(config.run_dir)) in reason:
            waits["reports-wait"].append(reason)
    for code, same in waits.items():
        if same:
            yield Finding(
                "warning",
                code,
                "Postfix's queue",
                f"{len(same)} {_WHAT[code]}, the first because: {same[0]}",
                f"{_REMEDY[code]}; then `postqueue -f`, or wait: Postfix tries again by itself",
            )


_WHAT = {"copies-wait": "recipients wait for their copies", "reports-wait": "reports wait for the intake"}
_REMEDY = {
    "copies-wait": "see what the checks sockets and dkim_keys say, and what the milter logs of that queue id",
    "reports-wait": "see that `estafeta serve intake` runs",
}


def _listing(directory: Path) -> str:
    done = subprocess.run(
        [command("postqueue"), "-c", str(directory), "-j"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=COMMAND_TIMEOUT,
        check=True,
    )
    return done.stdout


def _reasons(listing: str) -> Iterator[str]:
    """Yield why each recipient waits: of `postqueue -j`, a JSON object a line, a message each."""
    for line in listing.splitlines()[:MOST]:
        message: dict[str, Any] = json.loads(line)
        for recipient in message["recipients"]:
            if "delay_reason" in recipient:
                yield recipient["delay_reason"]
