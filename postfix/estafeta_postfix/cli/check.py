"""`estafeta check`: whether this set-up is as it has to be, and what is to be done where it is not.

Nothing is written, and no mail is sent: whatever is tried with a listener ends before a message is queued.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.checks.run import Told, run
from estafeta_postfix.checks.setup import Setup
from estafeta_postfix.checks.table import CHECKS, Check
from estafeta_postfix.cli.postfix import directory_option
from estafeta_postfix.cli.text import json_text, printable

_NAMES = click.Choice([each.name for each in CHECKS])


def _chosen(name: str, text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(name, type=_NAMES, multiple=True, metavar="CHECK", help=text)


@click.command("check")
@_chosen("--only", "Ask this one; again for more.")
@_chosen("--skip", "Leave this one out; again for more.")
@click.option("--offline", "--no-dns", is_flag=True, help="Ask no DNS server.")
@directory_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of findings.")
@click.option("--nagios", is_flag=True, help="Begin with a status line, and exit as a plugin of Nagios does.")
@click.pass_obj
def command(
    path: Path,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    *,
    offline: bool,
    directory: Path | None,
    as_json: bool,
    nagios: bool,
) -> None:
    """Look at everything that Estafeta needs; name each fault with its remedy.

    Exit status 1 if there is an error; warnings and notes alone leave it at 0. With --nagios: 0 nothing or
    notes, 1 warnings, 2 errors, 3 a configuration that cannot be used, so that nothing else is known.
    """
    checks = [
        each
        for each in CHECKS
        if (not only or each.name in only) and each.name not in skip and not (offline and each.asks_dns)
    ]
    told = run(Setup(path, directory), checks)
    lines = [json_text(_objects(told), indent=2)] if as_json else _page(path, told)
    for line in [*([_status_line(told)] if nagios else []), *lines]:
        click.echo(line)
    sys.exit(_nagios_status(told) if nagios else int("error" in _counted(told)))


def _counted(told: list[Told]) -> Counter[str]:
    return Counter(finding.severity for each in told for finding in each.findings)


def _objects(told: list[Told]) -> list[dict[str, str]]:
    return [_object(each.check, finding) for each in told for finding in each.findings]


def _object(check: Check, finding: Finding) -> dict[str, str]:
    return {
        "severity": finding.severity,
        "check": check.name,
        "code": finding.code,
        "subject": finding.subject,
        "reason": finding.reason,
        "remedy": finding.remedy,
    }


def _page(path: Path, told: list[Told]) -> Iterator[str]:
    """Yield the findings below the question that they answer."""
    if not any(each.findings for each in told):
        yield f"{path}: nothing to mend"
    for each in told:
        if each.findings:
            yield f"{each.check.name}: {each.check.question}"
        for finding in each.findings:
            yield f"  {printable(str(finding))}"
            yield f"    remedy: {printable(finding.remedy)}"


_STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")  # of a Nagios plugin, by exit status


def _nagios_status(told: list[Told]) -> int:
    counted = _counted(told)
    if any(finding.code == "configuration" for each in told for finding in each.findings):
        return 3
    return 2 if counted["error"] else 1 if counted["warning"] else 0


def _status_line(told: list[Told]) -> str:
    counted, state = _counted(told), _STATES[_nagios_status(told)]
    return f"ESTAFETA {state} - errors: {counted['error']}, warnings: {counted['warning']}"
