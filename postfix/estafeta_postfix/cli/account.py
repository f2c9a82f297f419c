"""`estafeta account`: the files of accounts, and what somebody who sends has to know of one.

Errors end with status 2 and leave every file as it was.
"""

from pathlib import Path
from typing import Any

import click

from estafeta_core.addresses import a_label
from estafeta_core.config.accounts import Account
from estafeta_core.config.load import account_file, load_config
from estafeta_core.config.schema import Config
from estafeta_core.dialects import DIALECTS
from estafeta_core.identity import NAME
from estafeta_postfix.cli.account_files import Accounts
from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.cli.text import json_text, table
from estafeta_postfix.files import write_text
from estafeta_postfix.render.listener import mechanisms

_MODE = 0o640  # hashes of secrets stand in it: for the daemons' group, and nobody else

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
    if name in found.directory.accounts:
        raise Failure(f"the account {name} exists: {account_file(found.folder, name)}", 2)
    for domain in domains:
        if a_label(domain) is None:
            raise Failure(f"{domain!r} is not a domain such as example.com", 2)
    text = _file(name, dialect, domains)
    path = found.folder / f"{name}.yaml"
    if not write:
        click.echo(f"Put this into {path}:\n", err=True)
        click.echo(text, nl=False)
        return
    with found.added(path):
        write_text(path, text, mode=_MODE)
    click.echo(f"{path}: made (next: estafeta key create {name}/main)", err=True)


def _file(name: str, dialect: str, domains: tuple[str, ...]) -> str:
    lines = [f"account: {name}", f"dialect: {dialect}"]
    if domains:
        lines += ["domains:", *(f"  {domain}: {{verified: true}}" for domain in domains)]
    return "\n".join(lines) + "\n"


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
    shown = _detail(found.account(name), load_config(config), account_file(found.folder, name))
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


def _detail(account: Account, config: Config, file: Path) -> dict[str, Any]:
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
        "file": str(file),
        "domains": list(account.domains),
        "senders": list(account.senders),
        "subaccounts": list(account.subaccounts),
        "credentials": list(account.credentials),
        "places": places,
    }
