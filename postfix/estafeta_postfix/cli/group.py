"""`estafeta group`: the contacts that came in by SMTP, grouped by the transaction that named them."""

from pathlib import Path
from typing import Any

import click

from estafeta_core.events import iso_time
from estafeta_core.store import ContactGroup
from estafeta_postfix.cli import listing
from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.cli.stored import opened
from estafeta_postfix.cli.text import json_text, local_time, printable

HEAD = ("TIME", "GROUP", "NAME", "ACCOUNT", "CONTACTS", "SEND")


@click.group("group")
def command() -> None:
    """List groups of contacts, or show who is in one."""


@command.command("list")
@listing.options
@click.pass_obj
def list_(config: Path, *, account: str | None, limit: int, as_json: bool) -> None:
    """List groups, the newest last; `-` for SEND where no message came."""
    with opened(config) as store:
        found = store.groups(account, limit=limit)
    listing.show(found, HEAD, _words, as_object, as_json=as_json)


@command.command("show")
@click.argument("id_text", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def show(config: Path, *, id_text: str, as_json: bool) -> None:
    """Show the addresses in a group.

    ID is the group's, or that of its send: a transmission id or a queue id.
    """
    with opened(config) as store:
        found = store.group(id_text)
        if found is None:
            raise Failure(f"{printable(id_text)}: no group, nor a send that made one", 1)
        contacts = store.group_contacts(found.group.group_id)
    if as_json:
        click.echo(json_text(as_object(found) | {"addresses": contacts}, indent=2))
        return
    click.echo(f"group {found.group.group_id}: {printable(found.group.name)} ({found.group.account})")
    for address in contacts:
        click.echo(f"  {printable(address)}")


def _words(found: ContactGroup) -> tuple[str, ...]:
    group = found.group
    return (
        local_time(group.created),
        str(group.group_id),
        group.name,
        group.account,
        str(found.contacts),
        str(group.transmission_id or "-"),
    )


def as_object(found: ContactGroup) -> dict[str, Any]:
    """Return a group; ids are decimal strings, `transmission_id` is null where no message came."""
    group = found.group
    return {
        "group_id": str(group.group_id),
        "name": group.name,
        "account": group.account,
        "transmission_id": str(group.transmission_id) if group.transmission_id else None,
        "created": iso_time(group.created),
        "contacts": found.contacts,
    }
