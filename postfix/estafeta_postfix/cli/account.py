"""`estafeta account`: the texts of accounts, and what somebody who sends has to know of one.

Errors end with status 2 and leave everything as it was.
"""

from pathlib import Path
from typing import Any

import click

from estafeta_core.addresses import a_label
from estafeta_core.config.accounts import Account
from estafeta_core.config.load import load_config
from estafeta_core.config.schema import Config
from estafeta_core.dialects import DIALECTS
from estafeta_core.identity import NAME
from estafeta_postfix.cli.account_files import Accounts
from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.cli.text import json_text, table
from estafeta_postfix.render.listener import mechanisms

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("account")
def command() -> None:
    """Make and list accounts, and show how their clients connect."""


@command.command()
@click.argument("name", metavar="ACCOUNT")
@click.option("--dialect", type=click.Choice(sorted(DIALECTS)), required=True, help="Whose clients it has.")
@click.option("--domain", "domains", multiple=True, help="A domain that From may show; again for more.")
@click.option("--write/--print", default=True, help="Write the account file, or print what to write.")
@click.pass_obj
def create(config: Path, *, name: str, dialect: str, domains: tuple[str, ...], write: bool) -> None:
    """Write the file of a new account; `estafeta key create` gives it credentials.

    The domains are taken as verified by your word: name those that are this customer's.
    """
    found = Accounts.read(config, None)
    if NAME.fullmatch(name) is None:
        raise Failure(f"{name!r} is not a name of letters, digits, '.', '_' and '-'", 2)
    place = found.place(name)
    if name in found.around(name).accounts:
        raise Failure(f"the account {name} exists: {place}", 2)
    for domain in domains:
        if a_label(domain) is None:
            raise Failure(f"{domain!r} is not a domain such as example.com", 2)
    text = _file(name, dialect, domains)
    if not write:
        click.echo(f"Put this into {place}:\n", err=True)
        click.echo(text, nl=False)
        return
    found.add(name, text)
    click.echo(f"{place}: made (next: estafeta key create {name}/main)", err=True)


def _file(name: str, dialect: str, domains: tuple[str, ...]) -> str:
    lines = [f"account: {name}", f"dialect: {dialect}"]
    if domains:
        lines += ["domains:", *(f"  {domain}: {{verified: true}}" for domain in domains)]
    return "\n".join(lines) + "\n"


@command.command()
@click.argument("name", metavar="ACCOUNT")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(config: Path, *, name: str, yes: bool) -> None:
    """Take an account away, with its credentials; what it sent and its suppression lists stay."""
    found = Accounts.read(config, None)
    found.account(name)
    place = found.place(name)
    if not yes and not click.confirm(f"Remove {place}? This cannot be undone.", err=True):
        raise Failure("nothing was removed", 1)
    found.remove(name)
    click.echo(f"{place}: removed", err=True)


@command.command(name="list")
@_as_json
@click.pass_obj
def list_(config: Path, *, as_json: bool) -> None:
    """List every account."""
    rows = [_summary(account) for account in Accounts.read(config, None).directory.accounts.values()]
    if as_json:
        click.echo(json_text(rows))
        return
    head = ("ACCOUNT", "DIALECT", "DOMAINS", "CREDENTIALS")
    for line in table([head, *map(_words, rows)]):
        click.echo(line)


def _words(row: dict[str, Any]) -> tuple[str, ...]:
    return row["account"], row["dialect"], " ".join(row["domains"]) or "-", str(row["credentials"])


def _summary(account: Account) -> dict[str, Any]:
    return {
        "account": account.account,
        "dialect": account.dialect,
        "domains": list(account.domains),
        "credentials": len(account.credentials),
    }


@command.command()
@click.argument("name", metavar="ACCOUNT")
@_as_json
@click.pass_obj
def show(config: Path, *, name: str, as_json: bool) -> None:
    """Show what an account has, and the hosts and ports that its clients connect to."""
    found = Accounts.read(config, None)
    shown = _detail(found.account(name), load_config(config), found.place(name))
    if as_json:
        click.echo(json_text(shown))
        return
    for key in ("account", "dialect", "file"):
        click.echo(f"{key:12}{shown[key]}")
    for key in ("domains", "senders", "subaccounts", "credentials"):
        click.echo(f"{key:12}{' '.join(shown[key]) or '-'}")
    click.echo("")
    head = ("HOST", "PORT", "TLS", "AUTH")
    for line in table([head, *map(_place, shown["places"])]):
        click.echo(line)


def _place(row: dict[str, Any]) -> tuple[str, ...]:
    return row["host"], str(row["port"]), row["tls"], " ".join(row["mechanisms"])


def _detail(account: Account, config: Config, place: str) -> dict[str, Any]:
    places = [
        {
            "listener": name,
            "host": listener.hostname or config.hostname,
            "port": listener.port,
            "tls": listener.tls,
            "mechanisms": list(mechanisms(listener)),
        }
        for name, listener in config.listeners.items()
        if account.dialect in listener.dialects
    ]
    return {
        "account": account.account,
        "dialect": account.dialect,
        "file": place,
        "domains": list(account.domains),
        "senders": list(account.senders),
        "subaccounts": list(account.subaccounts),
        "credentials": list(account.credentials),
        "places": places,
    }
