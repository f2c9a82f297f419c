"""Run every section, contenders in turn, round after round; print what was measured and which target is met.

Only ratios of one run travel to another machine. Each round runs all contenders of a section one after the
other, so that whatever else the machine does falls on all of them; a ratio is taken within its round, and
every figure is the median with the lowest and highest.
"""

import json
import signal
import sys
from typing import Any, Protocol

import click

from bench import report
from bench.rounds import Report, Settings
from bench.sections import (
    accounts,
    copies,
    curves,
    dialects,
    limits,
    mail,
    policy,
    profile,
    sasl,
    servers,
    signing,
    web,
)


class Section(Protocol):
    """What a module of `sections` has."""

    @property
    def TITLE(self) -> str:  # noqa: N802 - a constant there
        """What is printed above its tables."""

    def run(self, settings: Settings) -> Report:
        """Measure."""


SECTIONS: dict[str, Section] = {
    "mail": mail,
    "signing": signing,
    "servers": servers,
    "dialects": dialects,
    "policy": policy,
    "sasl": sasl,
    "copies": copies,
    "web": web,
    "curves": curves,
    "accounts": accounts,
    "profile": profile,
    "limits": limits,
}
ALWAYS = tuple(name for name in SECTIONS if name not in {"profile", "limits"})  # these have no target


def _chosen(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in value.split(",") if name.strip())
    for name in names:
        if name not in SECTIONS:
            raise click.BadParameter(f"{name!r} is no section; there are {', '.join(SECTIONS)}")
    return names


@click.command()
@click.option("--only", default="", callback=_chosen, help=f"Sections, with commas: {', '.join(SECTIONS)}.")
@click.option("--curves", "add", flag_value="curves", help="The same as --only curves.")
@click.option("--accounts", "add", flag_value="accounts", help="The same as --only accounts.")
@click.option("--profile", "add", flag_value="profile", help="The same as --only profile.")
@click.option("--rounds", default=5, show_default=True, help="How often each contender runs.")
@click.option("--messages", default=1000, show_default=True, help="Messages in a round.")
@click.option("--sessions", default=20, show_default=True, help="Connections at a time.")
@click.option("--seconds", default=2.0, show_default=True, help="Of a round that asks a daemon alone.")
@click.option("--json", "as_json", is_flag=True, help="Print every value of every round as JSON.")
def main(only: tuple[str, ...], add: str | None, *, as_json: bool, **amounts: Any) -> None:
    """Measure Estafeta beside other programs, and hold it to its targets."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that whatever was started is stopped
    settings = Settings(**amounts)
    reports: dict[str, Report] = {}
    for name in only or ((add,) if add else ALWAYS):
        reports[name] = SECTIONS[name].run(settings)
        if not as_json:
            report.show(SECTIONS[name].TITLE, reports[name])
    if as_json:
        click.echo(json.dumps(report.as_json(reports)))
        return
    report.show_targets([target for each in reports.values() for target in each.targets])


if __name__ == "__main__":
    main()
