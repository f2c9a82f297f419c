"""`estafeta show ID`: one transmission with everything that became of it."""

from pathlib import Path
from typing import Any

import click

from estafeta_core.events import iso_time, view
from estafeta_core.store import Found
from estafeta_core.store.rows import Event
from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.cli.stored import detail, opened
from estafeta_postfix.cli.text import json_text, local_time, printable


@click.command("show")
@click.argument("id_text", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def command(config: Path, id_text: str, as_json: bool) -> None:
    """Show a transmission and its events, in local time; with --json in UTC.

    ID is a transmission id, a message id, or the queue id of Postfix's "queued as" and of the mail log.
    """
    with opened(config) as store:
        found = store.find(id_text)
    if found is None:
        raise Failure(f"{printable(id_text)}: no transmission, message or queue id of this store", 1)
    click.echo(json_text(as_object(found), indent=2) if as_json else timeline(found))


def as_object(found: Found) -> dict[str, Any]:
    """Return what is known, ids as decimal strings and events as the Events API shows them."""
    transmission = found.transmission
    messages = {message.message_id: message for message in found.messages}
    return {
        "transmission_id": str(transmission.transmission_id),
        "queue_id": transmission.queue_id,
        "account": transmission.account,
        "credential": transmission.credential,
        "subaccount_id": transmission.subaccount or "0",
        "dialect": transmission.dialect,
        "listener": transmission.listener,
        "injection_time": iso_time(transmission.injection_time),
        "msg_from": transmission.msg_from,
        "friendly_from": transmission.friendly_from,
        "subject": transmission.subject,
        "msg_size": str(transmission.msg_size),
        "campaign_id": transmission.campaign_id,
        "metadata": transmission.metadata,
        "tags": list(transmission.tags),
        "messages": [
            {
                "message_id": str(message.message_id),
                "rcpt_to": message.rcpt_to,
                "rcpt_type": message.rcpt_type,
            }
            for message in found.messages
        ],
        "events": [view(event, transmission, messages.get(event.message_id or 0)) for event in found.events],
    }


def timeline(found: Found) -> str:
    """Return a page for a person: the transmission, then each recipient with what happened, in order."""
    lines = _head(found)
    shared = [event for event in found.events if event.message_id is None]
    if shared:
        lines += ["", "all recipients", *map(_line, shared)]
    for message in found.messages:
        kind = f" ({message.rcpt_type})" if message.rcpt_type else ""
        lines += ["", f"{printable(message.raw_rcpt_to)}{kind}   message {message.message_id}"]
        lines += [_line(event) for event in found.events if event.message_id == message.message_id]
    return "\n".join(lines)


def _head(found: Found) -> list[str]:
    transmission = found.transmission
    sender = f"{transmission.account}/{transmission.credential}"
    if transmission.subaccount:
        sender += f"/{transmission.subaccount}"
    fields = {
        "sent by": f"{sender} through {transmission.listener}",
        "accepted": f"{local_time(transmission.injection_time)}, {transmission.msg_size} bytes",
        "from": f"{transmission.friendly_from} (return path {transmission.msg_from})",
        "subject": transmission.subject,
        "campaign": transmission.campaign_id,
        "tags": ", ".join(transmission.tags),
        "metadata": json_text(transmission.metadata) if transmission.metadata else "",
    }
    first = f"transmission {transmission.transmission_id}, queue id {transmission.queue_id}"
    return [first, *(f"  {name:9} {printable(value)}" for name, value in fields.items() if value)]


def _line(event: Event) -> str:
    return f"  {local_time(event.timestamp)}  {event.type:16} {printable(detail(event))}".rstrip()
