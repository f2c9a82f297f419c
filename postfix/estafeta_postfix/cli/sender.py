"""`estafeta sender`: validated addresses of accounts, where the provider validates addresses.

Errors end with status 2 and leave every file as it was.
"""

import click
from ruamel.yaml.comments import CommentedSeq

from estafeta_core.addresses import is_address, mailbox_key
from estafeta_postfix.cli.account_files import Accounts, with_accounts
from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.cli.text import json_text, table


@click.group("sender")
def command() -> None:
    """Add, list and remove validated sender addresses."""


@command.command()
@click.argument("account", metavar="ACCOUNT")
@click.argument("address", metavar="ADDRESS")
@with_accounts
def add(found: Accounts, *, account: str, address: str) -> None:
    """Let an account send as an address."""
    if not is_address(address):
        raise Failure(f"{address!r} is not an address such as news@example.com", 2)
    if mailbox_key(address) in map(mailbox_key, found.account(account).senders):
        raise Failure(f"{account} has the sender {address} already", 2)
    with found.edited(account) as document:
        document.setdefault("senders", CommentedSeq()).append(address)
    click.echo(f"{account}: {address} added", err=True)


@command.command()
@click.argument("account", metavar="ACCOUNT")
@click.argument("address", metavar="ADDRESS")
@with_accounts
def remove(found: Accounts, *, account: str, address: str) -> None:
    """Take an address away: what is sent as it is refused from the next message on."""
    key = mailbox_key(address)
    if key not in map(mailbox_key, found.account(account).senders):
        raise Failure(f"{account} has no sender {address}", 2)
    with found.edited(account) as document:
        kept = [each for each in document["senders"] if mailbox_key(str(each)) != key]
        document["senders"][:] = kept
    click.echo(f"{account}: {address} removed", err=True)


@command.command(name="list")
@click.option("--account", help="Only this account's.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_accounts
def list_(found: Accounts, *, account: str | None, as_json: bool) -> None:
    """List the validated addresses of every account."""
    chosen = found.directory.accounts.values() if account is None else [found.account(account)]
    rows = [{"account": each.account, "sender": sender} for each in chosen for sender in each.senders]
    if as_json:
        click.echo(json_text(rows))
        return
    for line in table([("ACCOUNT", "SENDER"), *((row["account"], row["sender"]) for row in rows)]):
        click.echo(line)
