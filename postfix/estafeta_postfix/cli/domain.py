"""`estafeta domain`: the sending domains of accounts, in the operator's own files.

Errors end with status 2 and leave every file as it was.
"""

import contextlib
from typing import Any

import click
from ruamel.yaml.comments import CommentedMap

from estafeta_core.addresses import a_label
from estafeta_core.claims import Claim
from estafeta_core.store import StoreUnavailable
from estafeta_core.store.standing_rows import DomainCheck
from estafeta_postfix.cli.account_files import Accounts, with_accounts
from estafeta_postfix.cli.domain_dns import label_of, print_records, verify
from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.cli.text import json_text, table
from estafeta_postfix.explain.known import open_known


@click.group("domain")
def command() -> None:
    """Add, list and remove the domains that From may show; what DNS has to say of them."""


command.add_command(verify)
command.add_command(print_records)


@command.command()
@click.argument("account", metavar="ACCOUNT")
@click.argument("domain", metavar="DOMAIN")
@click.option("--unverified", is_flag=True, help="It may not be sent from yet.")
@click.option("--dns", "by_dns", is_flag=True, help="It may be sent from once its TXT record is seen.")
@click.option("--bounce", is_flag=True, help="Its MX or CNAME leads here: a MAIL FROM in it stays.")
@with_accounts
def add(found: Accounts, *, account: str, domain: str, unverified: bool, by_dns: bool, bounce: bool) -> None:
    """Add a domain to an account, verified by your word unless told otherwise."""
    label = label_of(domain)
    if label in found.account(account).domains:
        raise Failure(f"{account} has the domain {domain} already", 2)
    if unverified and by_dns:
        raise Failure("--unverified and --dns exclude each other", 2)
    entry = CommentedMap(verified="dns" if by_dns else not unverified)
    if bounce:
        entry["bounce"] = True
    entry.fa.set_flow_style()
    with found.edited(account) as document:
        document.setdefault("domains", CommentedMap())[domain] = entry
    said = f"estafeta domain verify {domain}" if by_dns else "not verified" if unverified else "verified"
    click.echo(f"{account}: {domain} added, {said}", err=True)


@command.command()
@click.argument("account", metavar="ACCOUNT")
@click.argument("domain", metavar="DOMAIN")
@with_accounts
def remove(found: Accounts, *, account: str, domain: str) -> None:
    """Take a domain away: what is sent from it is refused from the next message on."""
    label = label_of(domain)
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
    checks = _checks(found, [each.account for each in chosen])
    rows: list[dict[str, Any]] = [
        {
            "account": each.account,
            "domain": name,
            "verified": domain.verified,
            "dns": _dns(checks.get(Claim(each.account, name))) if domain.verified == "dns" else None,
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


def _checks(found: Accounts, accounts: list[str]) -> dict[Claim, DomainCheck]:
    """Return what DNS has said; the files are worth showing without it."""
    known: dict[Claim, DomainCheck] = {}
    try:
        if found.store:
            with contextlib.closing(open_known(found.store)) as store:
                for account in accounts:
                    known |= store.domain_checks(account)
    except StoreUnavailable as error:
        click.echo(f"What DNS has verified is not known: {error}", err=True)
    return known


def _dns(check: DomainCheck | None) -> str:
    if check is None:
        return "unverified"
    return "gone" if check.missing is not None else check.state


def _words(row: dict[str, Any]) -> tuple[str, ...]:
    verified = f"dns: {row['dns']}" if row["dns"] else "yes" if row["verified"] else "no"
    return (
        row["account"],
        row["domain"],
        verified,
        "yes" if row["bounce"] else "no",
        " ".join(row["dkim"]) or "-",
    )
