"""`estafeta events`: what happened, newest last."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import click

from estafeta_core import events
from estafeta_core.addresses import mailbox_key
from estafeta_core.events import view
from estafeta_core.store import Occurrence, Search, Store
from estafeta_core.store.event_filter import EventFilter, pattern
from estafeta_core.store.reader import LATEST
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
@click.option("--domain", help="Only mail for this domain; * stands for anything, here and below.")
@click.option("--campaign", help="Only mail of this campaign.")
@click.option("--subject", help="Only mail with this subject.")
@click.option("--reason", help="Only failures for this reason, such as '*quota*'.")
@click.option("--bounce-class", "bounce_class", help="Only failures of this class of SparkPost's.")
@click.option(
    "--transmission", "id_text", metavar="ID", help="Only this send, by its id, a message id or queue id."
)
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
    domain: str | None,
    campaign: str | None,
    subject: str | None,
    reason: str | None,
    bounce_class: str | None,
    id_text: str | None,
    since: int | None,
    until: int | None,
    limit: int,
    as_json: bool,
) -> None:
    """List events, the newest last; with --json as SparkPost's Events API shows them, in UTC."""
    with opened(config) as store:
        search = Search(
            account,
            since or 0,
            LATEST if until is None else until,
            None if id_text is None else _transmission(store, account, id_text),
            filter=EventFilter(
                types=types or None,
                recipients=None if recipient is None else (mailbox_key(recipient),),
                recipient_domains=_pattern(domain),
                campaigns=_pattern(campaign),
                subjects=_pattern(subject),
                reasons=_pattern(reason),
                bounce_classes=None if bounce_class is None else (bounce_class,),
            ),
        )
        chosen = list(itertools.islice(_newest_first(store, search), limit))
    for each in reversed(chosen):
        click.echo(as_line(each, as_json=as_json))


def _pattern(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else (pattern(text),)


def _transmission(store: Store, account: str | None, id_text: str) -> tuple[int, ...]:
    found = store.asked_transmission(account, id_text)
    return () if found is None else (found,)


def _newest_first(store: Store, search: Search) -> Iterator[Occurrence]:
    cursor = None
    while True:
        page = store.search(search, limit=PAGE, cursor=cursor, patience=0)
        yield from page
        if len(page) < PAGE:
            return
        cursor = page[-1].cursor


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
