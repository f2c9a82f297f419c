"""`estafeta send`: what was sent, and how many recipients opened it and clicked in it."""

from pathlib import Path
from typing import Any

import click

from estafeta_core.events import iso_time
from estafeta_core.store import Send
from estafeta_milter.contacts import MARK
from estafeta_postfix.cli import listing, show
from estafeta_postfix.cli.stored import opened
from estafeta_postfix.cli.text import local_time

HEAD = ("TIME", "SEND", "QUEUE ID", "MARK", "ACCOUNT", "RCPT", "OPENED", "CLICKED", "SUBJECT")


@click.group("send")
def command() -> None:
    """List what was sent, or show one send."""


@command.command("list")
@listing.options
@click.pass_obj
def list_(config: Path, *, account: str | None, limit: int, as_json: bool) -> None:
    """List sends, the newest last: when, the ids that find them, recipients, how many opened and clicked."""
    with opened(config) as store:
        found = store.sends(account, limit=limit)
    listing.show(found, HEAD, _words, as_object, as_json=as_json)


command.add_command(show.command)


def _words(send: Send) -> tuple[str, ...]:
    transmission = send.transmission
    return (
        local_time(transmission.injection_time),
        str(transmission.transmission_id),
        transmission.queue_id,
        MARK,
        transmission.account,
        str(send.recipients),
        str(send.opened),
        str(send.clicked),
        transmission.subject,
    )


def as_object(send: Send) -> dict[str, Any]:
    """Return a send under the names of events; ids are decimal strings."""
    transmission = send.transmission
    return {
        "transmission_id": str(transmission.transmission_id),
        "queue_id": transmission.queue_id,
        "mark": MARK,
        "account": transmission.account,
        "injection_time": iso_time(transmission.injection_time),
        "subject": transmission.subject,
        "recipients": send.recipients,
        "opened": send.opened,
        "clicked": send.clicked,
    }
