"""`estafeta dkim`: keys that sign mail, and what DNS has to say of them.

`create` writes a private key and prints its record and the lines for the account file. `record` prints the
records of the keys that account files name. Neither asks DNS, and neither changes an account file.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import click
import yaml

from estafeta_core.addresses import a_label
from estafeta_core.config.dkim_checks import NAME_LIMIT, is_selector, record_name
from estafeta_core.config.load import load_config, load_directory
from estafeta_milter.dkim.keys import KeyFileError, read
from estafeta_postfix import dkim_keys
from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.cli.text import json_text
from estafeta_postfix.dkim_keys import Configured, Kind
from estafeta_postfix.files import replace


@click.group("dkim")
def command() -> None:
    """Make DKIM keys, and print their records for DNS."""


@command.command()
@click.option("--domain", required=True, help="The domain in From.")
@click.option("--selector", help="Its name in DNS. [default: s and today's date]")
@click.option(
    "--type", "kind", type=click.Choice(get_args(Kind)), default="rsa", show_default=True, help="Its kind."
)
@click.option(
    "--bits",
    type=click.IntRange(dkim_keys.RSA_BITS, dkim_keys.MOST_BITS),
    default=dkim_keys.RSA_BITS,
    show_default=True,
    help="The length of an RSA key.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file to write, which must not be there yet.",
)
def create(*, domain: str, selector: str | None, kind: Kind, bits: int, out: Path) -> None:
    """Make a key; print its record, and the lines for the account file."""
    label = a_label(domain)
    if label is None:
        raise Failure(f"{domain!r} is not a domain such as example.com")
    selector = selector or f"s{datetime.now(UTC):%Y%m%d}"
    place = record_name(label, selector)
    if not is_selector(selector) or len(place) > NAME_LIMIT:
        raise Failure(f"{selector!r} is not a selector such as s2026: letters, digits and - (--selector)")
    if out.exists():
        raise Failure(f"{out} is there already; it may sign mail, so it is not overwritten")
    try:
        replace(out, dkim_keys.make(kind, bits), mode=0o600)
    except OSError as error:
        raise Failure(f"{out}: {error.strerror}") from None
    click.echo(f"Put this record into DNS:\n\n{dkim_keys.zone_line(place, read(out).record())}\n")
    click.echo("Let the user that the milter runs as read the file (now you alone can).")
    click.echo("Once the record is there, put these lines into the account file:\n")
    click.echo(_lines(label, selector, out.absolute()))


def _lines(domain: str, selector: str, file: Path) -> str:
    dkim = {"default": selector, "keys": {selector: str(file)}}
    lines: str = yaml.safe_dump({"domains": {domain: {"dkim": dkim}}}, sort_keys=False, width=4096)
    return lines.rstrip()


@command.command()
@click.option("--account", help="Only this account's keys.")
@click.option("--domain", help="Only this domain's keys.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def record(config: Path, *, account: str | None, domain: str | None, as_json: bool) -> None:
    """Print the TXT records of the keys that account files name, as zone files write them.

    Exit status 1 where there is no such key, 2 where a key cannot be read.
    """
    accounts = {each.account: each for each in load_directory(load_config(config))}
    label = domain and (a_label(domain) or domain)
    found = [
        each
        for each in dkim_keys.configured(accounts)
        if account in (None, each.account) and label in (None, each.domain)
    ]
    if not found:
        raise Failure("no account file names such a key (estafeta dkim create makes one)", 1)
    unread: list[str] = []
    shown: list[dict[str, Any]] = []
    for each in found:
        try:
            shown.append(_as_object(each))
        except KeyFileError as error:
            unread.append(f"{each.account}: {each.domain}: {error}")
    if as_json:
        click.echo(json_text(shown))
    else:
        for one in shown:
            click.echo(dkim_keys.zone_line(one["name"], one["record"]))
    for text in unread:
        click.echo(f"estafeta: {text}", err=True)
    sys.exit(2 if unread else 0)


def _as_object(each: Configured) -> dict[str, Any]:
    key = each.read()
    return {
        "account": each.account,
        "domain": each.domain,
        "key": each.name,
        "selector": each.key.selector,
        "verified": each.key.verified,
        "algorithm": key.algorithm,
        "bits": key.bits,
        "name": each.place,
        "record": key.record(),
    }
