"""`estafeta content`: the HTML of what was sent, kept as the web version and to be looked up."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from estafeta_core.config.load import load_config
from estafeta_core.events import iso_time
from estafeta_core.hosting import Shelf
from estafeta_core.store import Store
from estafeta_core.store.rows import Content, Transmission
from estafeta_milter.contacts import MARK
from estafeta_postfix.cli import listing
from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.cli.stored import opened
from estafeta_postfix.cli.text import local_time, printable

HEAD = ("TIME", "SEND", "QUEUE ID", "MARK", "ACCOUNT", "CHARSET", "SUBJECT")


@dataclass(frozen=True, slots=True)
class _Listed:
    content: Content
    transmission: Transmission | None


@click.group("content")
def command() -> None:
    """List the HTML of what was sent, or print one."""


@command.command("list")
@listing.options
@click.pass_obj
def list_(config: Path, *, account: str | None, limit: int, as_json: bool) -> None:
    """List contents, the newest last."""
    with opened(config) as store:
        found = [_with_send(store, content) for content in store.contents(account, limit=limit)]
    listing.show(found, HEAD, _words, _as_object, as_json=as_json)


@command.command("show")
@click.argument("id_text", metavar="ID")
@click.pass_obj
def show(config: Path, *, id_text: str) -> None:
    """Print the HTML of a send to standard output, byte for byte, with the links of one of its recipients.

    ID is the send's: a transmission id, a message id or a queue id.
    """
    with opened(config) as store:
        transmission = store.find_transmission(id_text.strip())
        if transmission is None:
            raise Failure(f"{printable(id_text)}: no transmission, message or queue id of this store", 1)
        content = store.content(transmission.transmission_id)
    html = Shelf.of(load_config(config)).read(content.digest) if content else None
    if html is None:
        raise Failure(f"{printable(id_text)}: nothing is kept of this send, or no more", 1)
    click.echo(html, nl=False)


def _with_send(store: Store, content: Content) -> _Listed:
    return _Listed(content, store.transmission(content.transmission_id))


def _words(listed: _Listed) -> tuple[str, ...]:
    content, transmission = listed.content, listed.transmission
    return (
        local_time(content.created),
        str(content.transmission_id),
        transmission.queue_id if transmission else "-",
        MARK,
        content.account,
        content.charset or "-",
        transmission.subject if transmission else "",
    )


def _as_object(listed: _Listed) -> dict[str, Any]:
    content, transmission = listed.content, listed.transmission
    return {
        "transmission_id": str(content.transmission_id),
        "queue_id": transmission.queue_id if transmission else None,
        "mark": MARK,
        "account": content.account,
        "created": iso_time(content.created),
        "charset": content.charset,
        "sha256": content.digest,
        "subject": transmission.subject if transmission else None,
    }
