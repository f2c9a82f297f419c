"""`estafeta domain`: the sending domains of accounts, in the operator's own files.

Errors end with status 2 and leave every file as it was.
"""

from typing import Any

import click
from ruamel.yaml.comments import CommentedMap

from estafeta_core.addresses import a_label
from estafeta_postfix.cli.account_files import Accounts, with_accounts
from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.cli.text import json_text, table


@click.group("domain")
def command() -> None:
    """Add, list and remove the domains that From may show."""


@command.command()
@click.argument("account", metavar="ACCOUNT")
@click.argument("domain", metavar="DOMAIN")
@click.option("--unverified", is_flag=True, help="It may not be sent from yet.")
@click.option("--bounce", is_flag=True, help="Its MX or CNAME leads here: a MAIL FROM in it stays.")
@with_accounts
def add(found: Accounts, *, account: str, domain: str, unverified: bool, bounce: bool) -> None:
    """Add a domain to an account, verified by your word unless told otherwise."""
    label = _label(domain)
    if label in found.account(account).domains:
        raise Failure(f"{account} has the domain {domain} already", 2)
    entry = CommentedMap(verified=not unverified)
    if bounce:
        entry["bounce"] = True
    entry.fa.set_flow_style()
    with found.edited(account) as document:
        document.setdefault("domains", CommentedMap())[domain] = entry
    click.echo(f"{account}: {domain} added, {'not verified' if unverified else 'verified'}", err=True)


@command.command()
@click.argument("account", metavar="ACCOUNT")
@click.argument("domain", metavar="DOMAIN")
@with_accounts
def remove(found: Accounts, *, account: str, domain: str) -> None:
    """Take a domain away: what is sent from it is refused from the next message on."""
    label = _label(domain)
    if label not in found.account(account).domains:
        raise Failure(f"{account} has no domain {domain}", 2)
    with found.edited(account) as document:
        [written] = [name for name in document["domains"] if a_label(str(name)) == label]
        del document["domains"][written]
    click.echo(f"{account}: {domain} removed", err=True)


@command.command(name="list")
@click.option("--account", help="Only this account's.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_accounts
def list_(found: Accounts, *, account: str | None, as_json: bool) -> None:
    """List the domains of every account."""
    chosen = found.directory.accounts.values() if account is None else [found.account(account)]
    rows: list[dict[str, Any]] = [
        {
            "account": each.account,
            "domain": name,
            "verified": domain.verified,
            "bounce": domain.bounce,
            "dkim": list(domain.dkim.default) if domain.dkim else [],
        }
        for each in chosen
        for name, domain in each.domains.items()
    ]
    if as_json:
        click.echo(json_text(rows))
        return
    head = ("ACCOUNT", "DOMAIN", "VERIFIED", "BOUNCE", "DKIM")
    for line in table([head, *map(_words, rows)]):
        click.echo(line)


def _words(row: dict[str, Any]) -> tuple[str, ...]:
    verified = {True: "yes", False: "no"}.get(row["verified"], str(row["verified"]))
    return (
        row["account"],
        row["domain"],
        verified,
        "yes" if row["bounce"] else "no",
        " ".join(row["dkim"]) or "-",
    )


def _label(domain: str) -> str:
    label = a_label(domain)
    if label is None:
        raise Failure(f"{domain!r} is not a domain such as example.com", 2)
    return label
