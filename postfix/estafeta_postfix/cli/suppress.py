"""`estafeta suppress`: whom an account does not mail, for operators and their scripts.

What is written holds from the next message on, in sessions that are open too. A type that is not named means
both types that stop mail.
"""

import functools
import itertools
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

import click

from estafeta_core import suppression
from estafeta_core.addresses import mailbox_key
from estafeta_core.store import Store
from estafeta_core.store.event_filter import pattern
from estafeta_core.store.rows import Lifted, Renewal, Suppression
from estafeta_core.store.suppressions import Entries, place
from estafeta_postfix.cli import listing, suppression_csv
from estafeta_postfix.cli.account_files import Accounts
from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.cli.stored import opened
from estafeta_postfix.cli.suppression_csv import Line, Unreadable
from estafeta_postfix.cli.text import local_time, printable

HEAD = ("UPDATED", "RECIPIENT", "TYPE", "LIST", "SOURCE", "DESCRIPTION")
BATCH = 500  # entries to a transaction, so that messages need not wait long for theirs
PAGE = 5_000  # entries asked of the store at a time
NAMED = 20  # faulty lines that are named; one more tells how many others there are

F = TypeVar("F", bound=Callable[..., Any])

_TYPE = click.option(
    "--type", "types", multiple=True, type=click.Choice(suppression.TYPES), help="May be repeated."
)
_SOURCE = click.option("--source", type=click.Choice(suppression.SOURCES), help="Where it comes from.")


def _list_options(command: F) -> F:
    """Add the options that say whose list it is."""
    subaccount = click.option("--subaccount", help="The list of this subaccount, which is one of its own.")
    account = click.option("--account", required=True, help="Whose list.")
    return account(subaccount(command))


@click.group("suppress")
def command() -> None:
    """List, add, remove, import and export the addresses that an account does not mail."""


@command.command("list")
@_list_options
@_TYPE
@_SOURCE
@click.option("--recipient", help="Only this address, however it is spelled.")
@click.option("--domain", help="Only addresses of this domain; * stands for anything.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, times in UTC.")
@click.pass_obj
def list_(
    config: Path,
    *,
    account: str,
    subaccount: str | None,
    types: tuple[str, ...],
    source: str | None,
    recipient: str | None,
    domain: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List entries, the one written last at the end; those of all subaccounts too unless one is named."""
    lists = _lists(config, account, subaccount)
    entries = Entries(
        account,
        lists,
        types or None,
        (source,) if source else None,
        (pattern(domain),) if domain else None,
    )
    with opened(config) as store:
        if recipient is None:
            found = store.suppressions(entries, limit=limit, newest_first=True, patience=0)
        else:
            found = store.suppressions_of(account, lists, recipient, types or suppression.TYPES)
    listing.show(found, HEAD, _words, suppression.view, as_json=as_json)


@command.command("add")
@click.argument("recipients", nargs=-1, required=True, metavar="RECIPIENT...")
@_list_options
@_TYPE
@_SOURCE
@click.option("--description", default="", help="Why, for whoever reads the list.")
@click.pass_obj
def add(
    config: Path,
    *,
    recipients: tuple[str, ...],
    account: str,
    subaccount: str | None,
    types: tuple[str, ...],
    source: str | None,
    description: str,
) -> None:
    """Do not mail these addresses; an entry that is there already is renewed."""
    _lists(config, account, subaccount)
    make = functools.partial(suppression.entry, account, subaccount, now=_now(), source=source or "")
    try:
        entries = [
            make(each, kind, description=description)
            for each in recipients
            for kind in types or suppression.MAIL
        ]
    except ValueError as error:
        raise Failure(f"{printable(str(error))}; nothing was written") from None
    with opened(config) as store:
        _write(store, entries)


@command.command("remove")
@click.argument("recipients", nargs=-1, required=True, metavar="RECIPIENT...")
@_list_options
@_TYPE
@click.pass_obj
def remove(
    config: Path, *, recipients: tuple[str, ...], account: str, subaccount: str | None, types: tuple[str, ...]
) -> None:
    """Mail these addresses again; exit status 1 where one of them was not in the list."""
    _lists(config, account, subaccount)
    kinds = types or suppression.MAIL
    with opened(config) as store:
        lists = (subaccount or "",)
        missing = [each for each in recipients if not store.suppressions_of(account, lists, each, kinds)]
        keys = map(mailbox_key, recipients)
        store.record([Lifted(account, subaccount, key, kind) for key in keys for kind in kinds])
    if missing:
        raise Failure(f"not in the list: {printable(', '.join(missing))}", 1)


@command.command("import")
@click.argument("file", type=click.File("r", encoding="utf-8-sig", errors="replace"))
@_list_options
@_TYPE
@_SOURCE
@click.option("--description", default="", help="Of lines that have none.")
@click.pass_obj
def import_(
    config: Path,
    *,
    file: IO[str],
    account: str,
    subaccount: str | None,
    types: tuple[str, ...],
    source: str | None,
    description: str,
) -> None:
    """Add what a CSV file lists, or what comes on standard input for `-`.

    Its columns are recipient, type and description; a first line may name them. --type is for lines without a
    type. A faulty line is named and left out, the others are written, and the exit status is 1: mend the line
    and import the file again, which changes nothing of the others.
    """
    _lists(config, account, subaccount)
    faults: list[Unreadable] = []
    make = functools.partial(suppression.entry, account, subaccount, now=_now())

    def entries() -> Iterator[Suppression]:
        for line in suppression_csv.read(file):
            if isinstance(line, Unreadable):
                faults.append(line)
                continue
            try:
                yield from _made(make, line, types, source or "", description)
            except ValueError as error:
                faults.append(Unreadable(line.number, str(error)))

    with opened(config) as store:
        written = _write(store, entries())
    click.echo(f"{written} entries written")
    _complain(faults)


@command.command("export")
@click.argument("file", type=click.File("w", encoding="utf-8", atomic=True), default="-")
@_list_options
@_TYPE
@_SOURCE
@click.pass_obj
def export(
    config: Path,
    *,
    file: IO[str],
    account: str,
    subaccount: str | None,
    types: tuple[str, ...],
    source: str | None,
) -> None:
    """Write a list as CSV, to standard output unless a FILE is named; `import` reads it back.

    It is the list of the account itself, or of one subaccount.
    """
    _lists(config, account, subaccount)
    entries = Entries(account, (subaccount or "",), types or None, (source,) if source else None)
    with opened(config) as store:
        suppression_csv.write(file, _pages(store, entries))


def _made(
    make: Callable[..., Suppression], line: Line, types: Sequence[str], source: str, description: str
) -> list[Suppression]:
    kinds = line.types or types or suppression.MAIL
    said = {"description": line.description or description, "source": source or line.source}
    return [make(line.recipient, kind, **said) for kind in kinds]


def _lists(config: Path, account: str, subaccount: str | None) -> tuple[str, ...]:
    """Return the named list, or all that an account has; Failure for one that would be nobody's."""
    accounts = Accounts.read(config, None).around(account).accounts
    if account not in accounts:
        raise Failure(f"there is no account {printable(account)}")
    subaccounts = accounts[account].subaccounts
    if subaccount is None:
        return ("", *subaccounts)
    if subaccount not in subaccounts:
        raise Failure(f"account {printable(account)} has no subaccount {printable(subaccount)}")
    return (subaccount,)


def _write(store: Store, entries: Iterable[Suppression]) -> int:
    """Write entries in batches, and return how many there were; a terminal is shown how far it is."""
    shown = sys.stderr.isatty()
    written = 0
    waiting = iter(entries)
    while batch := [Renewal(each) for each in itertools.islice(waiting, BATCH)]:
        store.record(batch)
        written += len(batch)
        if shown and len(batch) == BATCH:
            click.echo(f"\r{written} entries", err=True, nl=False)
    if shown and written >= BATCH:
        click.echo(err=True)
    return written


def _pages(store: Store, entries: Entries) -> Iterator[Suppression]:
    after = None
    while page := store.suppressions(entries, limit=PAGE, after=after, patience=0):
        yield from page
        after = place(page[-1])


def _complain(faults: Sequence[Unreadable]) -> None:
    for fault in faults[:NAMED]:
        click.echo(f"line {fault.number}: {printable(fault.reason)}", err=True)
    if faults:
        others = f", {len(faults) - NAMED} of them not named here" if len(faults) > NAMED else ""
        raise Failure(f"{len(faults)} faulty lines left out{others}", 1)


def _words(entry: Suppression) -> tuple[str, ...]:
    return (
        local_time(entry.updated),
        entry.recipient,
        entry.type,
        entry.subaccount or "-",
        entry.source,
        entry.description,
    )


def _now() -> int:
    return time.time_ns() // 1_000_000
