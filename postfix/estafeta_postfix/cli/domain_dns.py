"""`estafeta domain verify` and `records`: what DNS has to say of sending domains, and whether it does."""

import asyncio
import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from estafeta_core.addresses import a_label
from estafeta_core.claims import Claim
from estafeta_core.config.accounts import Account
from estafeta_core.config.load import load_config, load_directory
from estafeta_core.config.schema import Config
from estafeta_core.directory import Directory
from estafeta_core.events import iso_time
from estafeta_core.store import Store, StoreUnavailable
from estafeta_core.store.standing_rows import DomainCheck
from estafeta_postfix import dkim_keys
from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.cli.stored import opened
from estafeta_postfix.cli.text import json_text, local_time, printable
from estafeta_postfix.domains import records
from estafeta_postfix.domains.verifier import Asker, asked_for, await_claims, named

_account_option = click.option("--account", help="Only this account's.")
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@click.argument("domain", metavar="[DOMAIN]", required=False)
@click.option("--all", "every", is_flag=True, help="Every domain and key that DNS has to verify.")
@_account_option
@_json_option
@click.pass_obj
def verify(path: Path, *, domain: str | None, every: bool, account: str | None, as_json: bool) -> None:
    """Ask DNS now whether a domain, with its DKIM keys, is verified; say what to publish.

    The worker asks by itself too, as `dns.recheck_hours` says. Exit status 0 if all are verified, 1 if not.
    A record that has just gone, or a name server that fails, leaves a verified domain verified.
    """
    if (domain is None) != every:
        raise Failure("name a domain, or --all", 2)
    config = load_config(path)
    directory = Directory(load_directory(config))
    if domain is not None:
        _tell_of_files(directory, label_of(domain), account)
    claims = [
        claim
        for name, awaited in directory.claims.items()
        for claim in awaited
        if account in (None, name) and (domain is None or claim.domain == label_of(domain))
    ]
    with _store(path) as store:
        checks = _asked(store, claims, directory, config) if claims else []
    shown = [_object(check, directory) for check in checks]
    if as_json:
        click.echo(json_text(shown, indent=2))
    else:
        for one, check in zip(shown, checks, strict=True):
            for line in _page(one, check):
                click.echo(line)
    verified = all(check.state == "verified" for check in checks)
    sys.exit(0 if verified and not _is_refused(directory, domain, account) else 1)


def _holders(directory: Directory, domain: str, account: str | None) -> list[Account]:
    """Return the accounts that have a domain, themselves or for a subaccount; Failure where none has."""
    found = [
        each
        for each in directory.accounts.values()
        if account in (None, each.account)
        and (domain in each.domains or any(domain in part.domains for part in each.subaccounts.values()))
    ]
    if not found:
        raise Failure(f"no account has the domain {domain} (estafeta domain add ACCOUNT {domain} --dns)", 2)
    return found


def _tell_of_files(directory: Directory, domain: str, account: str | None) -> None:
    """Say where it is not DNS that verifies a domain."""
    for each in _holders(directory, domain, account):
        settings = each.domains.get(domain)
        if settings is None or settings.verified is True:
            click.echo(f"{each.account}: {domain} is verified by your word, DNS is not asked", err=True)
        elif settings.verified is False:
            hint = "`verified: dns` lets DNS verify it"
            click.echo(f"{each.account}: {domain} has `verified: false` ({hint})", err=True)


def _is_refused(directory: Directory, domain: str | None, account: str | None) -> bool:
    """Whether a domain that was named may not send by the word of an account file."""
    if domain is None:
        return False
    label = label_of(domain)
    held = (each.domains.get(label) for each in _holders(directory, label, account))
    return any(settings is not None and settings.verified is False for settings in held)


def _asked(store: Store, claims: list[Claim], directory: Directory, config: Config) -> list[DomainCheck]:
    await_claims(store, claims, time.time_ns() // 1_000_000)
    asyncio.run(_ask(store, _known(store, claims), directory, config))
    return _known(store, claims)


async def _ask(store: Store, checks: list[DomainCheck], directory: Directory, config: Config) -> None:
    await Asker(store, directory, config.dns).ask(checks)


def _known(store: Store, claims: list[Claim]) -> list[DomainCheck]:
    by_account = {name: store.domain_checks(name) for name in dict.fromkeys(each.account for each in claims)}
    return [by_account[claim.account][claim] for claim in claims]


@contextlib.contextmanager
def _store(path: Path) -> Iterator[Store]:
    """Yield the store; Failure when it cannot be read or written."""
    with opened(path) as store:
        try:
            yield store
        except StoreUnavailable as error:
            raise Failure(f"the store cannot be used: {error}", 2) from None


def _object(check: DomainCheck, directory: Directory) -> dict[str, Any]:
    place, expected = asked_for(check, directory)
    return {
        "account": check.account,
        "domain": check.domain,
        "key": check.key or None,
        "state": check.state,
        "since": iso_time(check.since),
        "missing_since": iso_time(check.missing) if check.missing else None,
        "name": place if expected else None,
        "type": "TXT",
        "value": expected or None,
        "answer": check.answer,
        "next_check": iso_time(check.due),
    }


def _page(shown: dict[str, Any], check: DomainCheck) -> Iterator[str]:
    yield f"{named(check)}: {state_words(check)}"
    if shown["value"]:
        yield f"  record: {dkim_keys.zone_line(shown['name'], shown['value'])}"
    yield f"  seen:   {printable(check.answer)}"


def state_words(check: DomainCheck) -> str:
    """Return the state of a domain or key, for people."""
    if check.state == "unverified":
        return "not verified yet"
    if check.state == "lost":
        return f"not verified any more, since {local_time(check.since)}"
    gone = f", but its record is gone since {local_time(check.missing)}" if check.missing else ""
    return f"verified since {local_time(check.since)}{gone}"


@click.command("records")
@click.argument("domain", metavar="DOMAIN")
@_account_option
@_json_option
@click.pass_obj
def print_records(path: Path, *, domain: str, account: str | None, as_json: bool) -> None:
    """Print every record to publish for a sending domain, as zone files write them.

    Those of the host itself come last: they are published once. DNS is not asked; `estafeta check` does that.
    """
    label = label_of(domain)
    config = load_config(path)
    directory = Directory(load_directory(config))
    found: list[records.Record] = []
    for each in _holders(directory, label, account):
        found += records.of_domain(config, each, label, _challenge(path, each, label))
    found = list(dict.fromkeys([*found, *records.of_host(config)]))
    if as_json:
        click.echo(json_text([asdict(record) for record in found], indent=2))
        return
    for record in found:
        click.echo(f"; {record.purpose}: {record.why}")
        click.echo(record.zone_line())


def _challenge(path: Path, account: Account, domain: str) -> str:
    claim = records.claim_of(account, domain)
    if claim is None:
        return ""
    with _store(path) as store:
        await_claims(store, [claim], time.time_ns() // 1_000_000)
        return store.domain_checks(account.account)[claim].challenge


def label_of(domain: str) -> str:
    """Return the A-labels of a domain that a person names; Failure where it is none."""
    label = a_label(domain)
    if label is None:
        raise Failure(f"{domain!r} is not a domain such as example.com", 2)
    return label
