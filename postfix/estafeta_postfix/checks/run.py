"""The checks run: all at once, each within its own time, none hiding what another one finds."""

import contextlib
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from estafeta_core.config.document import ConfigError
from estafeta_postfix.checks.finding import Finding, of_error
from estafeta_postfix.checks.setup import UNSERVED, Setup
from estafeta_postfix.checks.table import Check

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """What one check has found."""

    check: Check
    findings: list[Finding] = field(default_factory=list)


def run(setup: Setup, checks: Sequence[Check]) -> list[Told]:
    """Return what each check found, in their order; what two have found is told once.

    A check that does not end in its time is left behind (its thread ends with the process) and told as a
    finding.
    """
    with contextlib.suppress(ConfigError):  # each check tells it; and what all of them need is read once
        _ = setup.idle
    begun = time.monotonic()
    answers = [Told(each) for each in checks]
    threads = [threading.Thread(target=_ask, args=(setup, each), daemon=True) for each in answers]
    for thread in threads:
        thread.start()
    told: list[Told] = []
    known: set[Finding] = set()
    for each, thread in zip(answers, threads, strict=True):
        thread.join(max(0.0, begun + each.check.seconds - time.monotonic()))
        late = [_late(each.check)] if thread.is_alive() else []
        new = [found for found in dict.fromkeys([*each.findings, *late]) if found not in known]
        known.update(new)
        told.append(Told(each.check, new))
    return told


def _ask(setup: Setup, told: Told) -> None:
    try:
        if told.check.of_running and setup.idle:
            told.findings.append(_nothing_runs(setup))
            return
        for finding in told.check.look(setup):
            told.findings.append(finding)  # one at a time: those of a check that ends late count
    except ConfigError as error:
        told.findings.append(of_error("configuration", error))
    except UNSERVED as error:
        told.findings.append(_unserved(error))
    except Exception as error:  # a bug in one check must not hide the others
        log.exception("the check %s failed", told.check.name)
        told.findings.append(_failed(told.check, error))


def _nothing_runs(setup: Setup) -> Finding:
    return Finding(
        "warning",
        "not-running",
        str(setup.config.run_dir),
        "nothing of Estafeta runs here yet: no daemon answers, and Postfix has no service of ours",
        "systemctl start estafeta.target (or `estafeta serve all`), then `estafeta postfix install`",
    )


def _unserved(error: Exception) -> Finding:
    return Finding(
        "error",
        "host-unreadable",
        "this host",
        str(error),
        "run `estafeta check` as root, with --config-directory where Postfix has another than its own",
    )


def _late(check: Check) -> Finding:
    return Finding(
        "error",
        "check-late",
        check.name,
        f"no answer within {check.seconds:g} s",
        f"run `estafeta check --only {check.name}` when the host is less busy; if it stays, something hangs",
    )


def _failed(check: Check, error: Exception) -> Finding:
    return Finding(
        "error",
        "check-failed",
        check.name,
        f"it could not be asked: {type(error).__name__}: {error}",
        "a fault of Estafeta, unless the reason says otherwise: report it with what standard error says",
    )
