"""`estafeta key`: API keys and passwords in the operator's own accounts.

Comments, order and spelling of everything else in the text stay (`account_files`). The daemons notice
the change by themselves within a second.

The key itself goes to standard output, once, and nowhere else; what people should know goes to
standard error. Errors end with status 2 and leave every file as it was.
"""

import copy
import io
import re
import sys
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import click
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from estafeta_core import secrets
from estafeta_core.config.accounts import Permission
from estafeta_core.dialects import DIALECTS
from estafeta_core.dialects.base import Dialect
from estafeta_core.directory import Credential, Directory
from estafeta_core.identity import Identity
from estafeta_core.store import StoreUnavailable
from estafeta_postfix.cli import suspended
from estafeta_postfix.cli.account_files import Accounts, identity_of, in_line, round_trip, with_accounts
from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.cli.text import json_text, table

_DURATION = re.compile(r"([0-9]{1,6})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_NUMBERED = re.compile(r"(.*)-([0-9]+)")


def _duration(text: str) -> timedelta:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise Failure(f"{text!r} is not a duration such as 30m, 24h or 7d", 2)
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _expiry(text: str) -> str:
    """Return the time that `--expires` means, as the account file spells it."""
    if _DURATION.fullmatch(text):
        return _stamp(datetime.now(UTC) + _duration(text))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Failure(
            f"{text!r} is neither a time with a zone (2027-01-31T00:00:00Z) nor a duration (90d)", 2
        )
    return _stamp(moment.astimezone(UTC))


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _entry(secret: dict[str, str], settings: dict[str, Any]) -> CommentedMap:
    """Return the entry of a credential; quoted, because an unquoted hash of digits is a number to YAML."""
    entry = CommentedMap({word: DoubleQuotedScalarString(text) for word, text in secret.items()})
    entry.update(settings)
    return entry


def _username(dialect: Dialect, identity: Identity, chosen: str | None) -> dict[str, str]:
    """Return the user name of a new credential as its entry says it; nothing where the key alone finds it."""
    if dialect.found_by == "key":
        if chosen:
            raise Failure(f"{dialect.name} finds credentials by their key alone, not by a user name", 2)
        return {}
    usual = (identity.credential, f"{identity.credential}.{identity.account}")
    for username in (chosen,) if chosen else usual:
        if dialect.parse_username(username) is not None:
            return {"username": username}
    username = chosen or identity.credential
    raise Failure(f"{username!r} is not a user name of {dialect.name}: {dialect.username_form}", 2)


def _chosen_password(dialect: Dialect) -> str:
    """Return the hash of a password that a person types, or that standard input holds in its first line."""
    if dialect.found_by == "key":
        raise Failure(f"{dialect.name} finds credentials by their key alone: nobody chooses it", 2)
    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    try:
        return secrets.hash_password(password)
    except ValueError as error:
        raise Failure(str(error), 2) from None


def _add(document: CommentedMap, name: str, entry: CommentedMap) -> None:
    """Put `entry` after the other credentials, written as they are."""
    others = document.get("credentials")
    if not others:
        others = document["credentials"] = CommentedMap()
    if any(isinstance(other, CommentedMap) and other.fa.flow_style() for other in others.values()):
        entry.fa.set_flow_style()
    others[name] = entry


def _show_key(shown: dict[str, Any], key: str | None, *, as_json: bool) -> None:
    """Print the key, for the one time it is known; None: the password is known to who has chosen it."""
    try:
        if as_json:
            click.echo(json_text(shown | {"key": key}))
        elif key:
            click.echo(key)
    except OSError as error:
        unseen = f"nobody has seen the key of {shown['id']}, as standard output says: {error.strerror}"
        raise Failure(f"{unseen} (estafeta key revoke {shown['id']})", 2) from None
    if shown.get("username"):
        click.echo(f"The user name of {shown['id']} is {shown['username']}.", err=True)
    if key:
        click.echo("This key is shown once and kept nowhere; only its hash is stored.", err=True)


def _settings(permission: tuple[str, ...], allow_from: tuple[str, ...], require_tls: bool) -> dict[str, Any]:
    settings: dict[str, Any] = {"permissions": in_line(permission)}
    if allow_from:
        settings["allow_from"] = in_line(allow_from)
    if require_tls:
        settings["require_tls"] = True
    return settings


_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("key")
def command() -> None:
    """Make, list, suspend, revoke and rotate API keys."""


@command.command()
@click.argument("credential_id", metavar="ACCOUNT/NAME")
@click.option(
    "--permission",
    multiple=True,
    type=click.Choice(get_args(Permission)),
    default=("send",),
    show_default=True,
    help="What the key may do; may be given several times.",
)
@click.option("--allow-from", multiple=True, metavar="NETWORK", help="Take it from this network only.")
@click.option("--require-tls", is_flag=True, help="Refuse it on connections without TLS.")
@click.option("--expires", metavar="TIME|DURATION", help="Such as 2027-01-31T00:00:00Z or 90d.")
@click.option(
    "--username",
    help="Where the provider finds credentials by a user name. [default: NAME, or NAME.ACCOUNT for Teenvio]",
)
@click.option(
    "--password",
    is_flag=True,
    help="Ask for a password instead of making a key; without a terminal, read a line of standard input.",
)
@click.option("--write/--print", default=True, help="Write the account file, or print what to write.")
@_as_json
@with_accounts
def create(
    found: Accounts,
    *,
    credential_id: str,
    permission: tuple[str, ...],
    allow_from: tuple[str, ...],
    require_tls: bool,
    expires: str | None,
    username: str | None,
    password: bool,
    write: bool,
    as_json: bool,
) -> None:
    """Make a key for the account and print it, or take a password that somebody has chosen."""
    identity = identity_of(credential_id)
    account = found.account(identity.account)
    if identity.credential in account.credentials:
        raise Failure(f"the credential {credential_id} exists (estafeta key rotate {credential_id})", 2)
    settings = _settings(permission, allow_from, require_tls)
    if expires:
        settings["expires"] = expires = _expiry(expires)
    place = found.place(identity.account)
    dialect = DIALECTS[account.dialect]
    named = _username(dialect, identity, username)
    made = None if password else dialect.make_key(identity.account)
    secret = {"key": secrets.hash_key(made)} if made else {"password": _chosen_password(dialect)}
    entry = _entry(named | secret, settings)
    if write:
        with found.edited(identity.account) as document:
            _add(document, identity.credential, entry)
    else:
        text = io.StringIO()
        round_trip().dump({"credentials": {identity.credential: entry}}, text)
        click.echo(f"Put this into {place}:\n{text.getvalue()}", err=True)
    shown = {"id": credential_id, **named, "file": place if write else None, "expires": expires}
    _show_key(shown, made, as_json=as_json)


@command.command(name="list")
@_as_json
@with_accounts
def list_(found: Accounts, *, as_json: bool) -> None:
    """List every credential, with the first characters of its key."""
    directory = found.directory
    suspensions = _suspensions(found, directory)
    rows = [_row(each, suspensions.get(each.id)) for each in directory.credentials()]
    if as_json:
        click.echo(json_text(rows))
        return
    head = ("ACCOUNT/NAME", "DIALECT", "USER NAME", "KEY", "STATUS", "PERMISSIONS", "EXPIRES")
    for line in table([head, *map(_words, rows)]):
        click.echo(line)


def _suspensions(found: Accounts, directory: Directory) -> dict[str, str]:
    """Return why credentials are suspended by themselves; the files are worth showing without it."""
    try:
        return suspended.reasons(found.store, directory) if found.store else {}
    except StoreUnavailable as error:
        click.echo(f"Whether any is suspended by itself is not known: {error}", err=True)
        return {}


def _words(row: dict[str, Any]) -> tuple[str, ...]:
    permissions = ",".join(row["permissions"])
    return (
        row["id"],
        row["dialect"],
        row["username"] or "-",
        row["prefix"] or "password",
        f"suspended ({row['suspended_for']})" if row["suspended_for"] else row["status"],
        permissions or "-",
        row["expires"] or "-",
    )


def _row(credential: Credential, suspension: str | None) -> dict[str, Any]:
    settings = credential.settings
    expired = settings.expires is not None and settings.expires <= datetime.now(UTC)
    status = "expired" if expired and settings.status == "active" else settings.status
    by_itself = suspension if status == "active" else None
    return {
        "id": credential.id,
        "dialect": credential.account.dialect,
        "username": settings.username or None,
        "prefix": secrets.key_prefix(settings.key) if settings.key else None,
        "status": "suspended" if by_itself else status,
        "suspended_for": by_itself,
        "permissions": list(settings.permissions),
        "allow_from": list(settings.allow_from),
        "require_tls": settings.require_tls,
        "expires": _stamp(settings.expires.astimezone(UTC)) if settings.expires else None,
    }


def _set_status(found: Accounts, credential_id: str, status: str) -> None:
    credential = found.credential(credential_id)
    if credential.settings.status == "revoked" and status != "revoked":
        raise Failure(f"{credential_id} is revoked for good (estafeta key create makes a new one)", 2)
    with found.edited(credential.account.account) as document:
        document["credentials"][credential.name]["status"] = status
    click.echo(f"{credential_id}: {credential.settings.status} -> {status}", err=True)


@command.command()
@click.argument("credential_id", metavar="ACCOUNT/NAME")
@with_accounts
def suspend(found: Accounts, *, credential_id: str) -> None:
    """Refuse a key until it is activated again."""
    _set_status(found, credential_id, "suspended")


@command.command()
@click.argument("credential_id", metavar="ACCOUNT/NAME")
@with_accounts
def activate(found: Accounts, *, credential_id: str) -> None:
    """Take a suspended key again, by whomever or whatever it was suspended."""
    credential = found.credential(credential_id)
    by_file = credential.settings.status != "active"
    if by_file:
        _set_status(found, credential_id, "active")
    if found.store and suspended.lift(found.store, credential):
        click.echo(f"{credential_id}: suspended by itself -> active", err=True)
    elif not by_file:
        click.echo(f"{credential_id}: it is active already", err=True)


@command.command()
@click.argument("credential_id", metavar="ACCOUNT/NAME")
@with_accounts
def revoke(found: Accounts, *, credential_id: str) -> None:
    """Refuse a key for good, in sessions that are open too."""
    _set_status(found, credential_id, "revoked")


@command.command()
@click.argument("credential_id", metavar="ACCOUNT/NAME")
@click.option(
    "--overlap",
    default="24h",
    show_default=True,
    metavar="DURATION",
    help="How long the old key still works.",
)
@_as_json
@with_accounts
def rotate(found: Accounts, *, credential_id: str, overlap: str, as_json: bool) -> None:
    """Make a second key with the same rights, which does not expire, and let the old one expire."""
    old = found.credential(credential_id)
    if old.settings.status != "active":
        raise Failure(f"{credential_id} is {old.settings.status}, so nobody uses it", 2)
    if not old.settings.key or old.settings.username:
        raise Failure(f"{credential_id} is found by its user name, of which there can be only one", 2)
    end = datetime.now(UTC) + _duration(overlap)
    made = DIALECTS[old.account.dialect].make_key(old.account.account)
    name = _next_name(old)
    with found.edited(old.account.account) as document:
        entry = document["credentials"][old.name]
        kept = {word: value for word, value in entry.items() if word not in ("key", "status", "expires")}
        _add(document, name, _entry({"key": secrets.hash_key(made)}, copy.deepcopy(kept)))
        if old.settings.expires is None or old.settings.expires > end:
            entry["expires"] = _stamp(end)
    place = found.place(old.account.account)
    shown = {"id": f"{old.account.account}/{name}", "file": place, "expires": None}
    _show_key(shown, made, as_json=as_json)
    click.echo(f"{credential_id} expires at {_stamp(end)} at the latest.", err=True)


def _next_name(old: Credential) -> str:
    """Return `NAME-2`, or the next number that is free."""
    numbered = _NUMBERED.fullmatch(old.name)
    stem, number = (numbered[1], int(numbered[2])) if numbered else (old.name, 1)
    while True:
        number += 1
        name = f"{stem}-{number}"
        if name not in old.account.credentials:
            return name
