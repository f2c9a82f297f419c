"""`estafeta events`: what happened, newest last."""

from collections.abc import Iterator
from pathlib import Path

import click

from estafeta_core import events
from estafeta_core.events import view
from estafeta_core.store import Occurrence, Store
from estafeta_postfix.cli.stored import detail, opened
from estafeta_postfix.cli.text import Moment, json_text, local_time, printable

PAGE = 500  # events asked of the store at a time


@click.command("events")
@click.option(
    "--type",
    "types",
    multiple=True,
    type=click.Choice(sorted(events.ADDITIONAL)),
    help="Only these; may be repeated.",
)
@click.option("--account", help="Only this account's.")
@click.option("--recipient", help="Only what happened to mail for this address.")
@click.option("--since", type=Moment(), default=None, help="Not before: 2026-11-20T13:00, or 2h (ago).")
@click.option("--until", type=Moment(), default=None, help="Before this time.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.pass_obj
def command(
    config: Path,
    *,
    types: tuple[str, ...],
    account: str | None,
    recipient: str | None,
    since: int | None,
    until: int | None,
    limit: int,
    as_json: bool,
) -> None:
    """List events, the newest last; with --json as SparkPost's Events API shows them, in UTC."""
    with opened(config) as store:
        pages = _newest_first(store, types, account, since, until)
        wanted = (each for each in pages if recipient is None or _is_for(each, recipient))
        chosen = [each for each, _ in zip(wanted, range(limit), strict=False)]
    for each in reversed(chosen):
        click.echo(as_line(each, as_json=as_json))


def _newest_first(
    store: Store, types: tuple[str, ...], account: str | None, since: int | None, until: int | None
) -> Iterator[Occurrence]:
    given = {"since": since, "until": until}
    bounds = {name: moment for name, moment in given.items() if moment is not None}
    cursor = None
    while True:
        page = store.events(account=account, types=types, limit=PAGE, cursor=cursor, **bounds)
        yield from page
        if len(page) < PAGE:
            return
        cursor = page[-1].cursor


def _is_for(occurrence: Occurrence, recipient: str) -> bool:
    return _recipient(occurrence) == recipient.lower()


def _recipient(occurrence: Occurrence) -> str:
    """Return whom an event is about; of a message that was refused, the event alone knows."""
    if occurrence.message is not None:
        return occurrence.message.rcpt_to
    return str(occurrence.event.data.get("rcpt_to", ""))


def as_line(occurrence: Occurrence, *, as_json: bool) -> str:
    """Return one event on one line."""
    event, transmission, message = occurrence.event, occurrence.transmission, occurrence.message
    if as_json:
        return json_text(view(event, transmission, message))
    words = [
        local_time(event.timestamp),
        f"{event.type:16}",
        transmission.queue_id if transmission else "-",
        _recipient(occurrence) or "-",
        detail(event),
    ]
    return printable("  ".join(words)).rstrip()
