"""`estafeta stats`: how many messages were delivered, read, refused, in a period of local time."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from estafeta_core import statistics
from estafeta_core.dialects import DIALECTS
from estafeta_core.events import iso_time
from estafeta_core.statistics import PERIODS, Period, Row
from estafeta_core.store import Store
from estafeta_postfix.cli.account_files import Accounts
from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.cli.stored import opened
from estafeta_postfix.cli.text import Moment, json_text, printable

HEAD = ("STATUS", "MESSAGES", "PERCENT")


class _End(Moment):
    """The end of a period: a date alone means the whole of that day."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the time before which the period ends."""
        try:
            return statistics.midnight(date.fromisoformat(value) + timedelta(days=1))
        except (ValueError, OverflowError):
            return super().convert(value, param, ctx)


@click.command("stats")
@click.option("--account", help="Only this account's; all accounts together without it.")
@click.option("--from", "since", type=Moment(), help="Injected not before: 2026-11-01, or 2h (ago).")
@click.option(
    "--to", "until", type=_End(), help="Injected before: 2026-11-20T23:00; a date means until its end."
)
@click.option(
    "--period", type=click.Choice(PERIODS), help="So much time until the end of today.  [default: today]"
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, times in UTC.")
@click.pass_obj
def command(
    config: Path,
    *,
    account: str | None,
    since: int | None,
    until: int | None,
    period: Period | None,
    as_json: bool,
) -> None:
    """Count the messages injected in a period, one for each recipient, by what has become of them.

    Times are local. Each message stands in one of sending, sent, delivered, delivery errors and rejected, by
    its latest state; charged is all but rejected.
    """
    begin, end = bounds(since, until, period, datetime.now().astimezone().date())
    with opened(config) as store:
        names = {} if account is None else _names(config, store, account)
        fates = store.fates(account, begin, end)
    rows = statistics.rows(fates)
    if as_json:
        found = as_object(account, begin, end, rows) | {"metrics": statistics.metrics(fates)}
        click.echo(json_text(found, indent=2))
        return
    whose = "all accounts together" if account is None else f"account {printable(account)}"
    click.echo(f"{whose}, {_minute(begin)} to {_minute(end)}\n")
    for line in table(rows, names):
        click.echo(line)


def bounds(since: int | None, until: int | None, period: Period | None, today: date) -> tuple[int, int]:
    """Return where the period begins and before what it ends, in Unix milliseconds.

    UsageError for one that ends before it begins, or is given twice.
    """
    if since is None and until is None:
        since = statistics.midnight(statistics.first_day(period or "today", today))
    elif period is not None:
        raise click.UsageError("--period does not go together with --from and --to")
    begin = 0 if since is None else since
    end = statistics.midnight(today + timedelta(days=1)) if until is None else until
    if begin >= end:
        raise click.UsageError(f"the period would begin at {_minute(begin)} and end at {_minute(end)}")
    return begin, end


def _minute(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds // 1000).astimezone():%Y-%m-%d %H:%M}"


def _names(config: Path, store: Store, account: str) -> dict[str, str]:
    """Return what the account's provider calls the rows; Failure for an account that never was."""
    accounts = Accounts.read(config, None).around(account).accounts
    if account in accounts:
        return dict(DIALECTS[accounts[account].dialect].statistics_names)
    if store.sends(account, limit=1):  # its file is gone, what it sent is not
        return {}
    raise Failure(f"there is no account {printable(account)}")


def table(rows: Sequence[Row], names: dict[str, str]) -> list[str]:
    """Return the lines of a table, each row under the provider's name for it as well, where it has one."""
    words = [HEAD, *((_name(row.name, names), str(row.count), _shown(row.percent)) for row in rows)]
    width, *numbers = (max(map(len, column)) for column in zip(*words, strict=True))
    return [
        f"{name:{width}}  {count:>{numbers[0]}}  {share:>{numbers[1]}}".rstrip()
        for name, count, share in words
    ]


def _name(name: str, names: dict[str, str]) -> str:
    return f"{name} ({names[name]})" if name in names else name


def _shown(percent: float | None) -> str:
    if percent is None:
        return ""
    return f"{percent:.0f} %" if percent in (0, 100) else f"{percent:.2f} %"


def as_object(account: str | None, begin: int, end: int, rows: Sequence[Row]) -> dict[str, Any]:
    """Return the rows with their period; names have `_` for a blank, percent is null where there is none."""
    return {
        "account": account,
        "from": iso_time(begin),
        "to": iso_time(end),
        "statistics": {
            row.name.replace(" ", "_"): {"count": row.count, "percent": row.percent} for row in rows
        },
    }
