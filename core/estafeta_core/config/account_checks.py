"""What the schema cannot say of an account file: values that must fit each other, and the dialect.

Each function raises ConfigError for the first thing it finds, with the line of the key to mend.
"""

import re
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Protocol

from estafeta_core import secrets
from estafeta_core.addresses import is_address
from estafeta_core.config.accounts import Account, Credential
from estafeta_core.config.checks import check_dialect, check_name, check_network, is_web_address
from estafeta_core.config.dkim_checks import check_dkim
from estafeta_core.config.document import Document, KeyPath
from estafeta_core.dialects import DIALECTS
from estafeta_core.identity import Entry

_SECTIONS = ("teenvio", "devino")  # of one dialect each, and named like it
_EXTENSION = re.compile(r"[a-z0-9][a-z0-9_+-]{0,31}")
_NETWORK = re.compile(r"[A-Za-z0-9][\x20-\x7e]{0,63}")


def check_account(
    document: Document, account: Account, unique: "Taking", pools: Container[str] | None
) -> None:
    """Check one account file, that it takes nothing that another one has, and that its pools exist.

    `pools` None: estafeta.yaml was not read, and any pool may be there.
    """
    check_name(document, ("account",), account.account)
    check_dialect(document, ("dialect",), account.dialect)
    unique.add(document, ("account",), (account.account,), f"the account {account.account}")
    for name in account.subaccounts:
        check_name(document, ("subaccounts", name), name)
    _check_senders(document, account)
    _check_sections(document, account)
    _check_pools(document, account, pools)
    _check_suspension(document, account)
    check_dkim(document, account)
    for name, credential in account.credentials.items():
        path = ("credentials", name)
        check_name(document, path, name)
        _check_secret(document, path, account.dialect, credential)
        _check_use(document, path, credential)
        _check_domains(document, path, account, credential)
    for place, entry in entries(account):
        what = "this key" if entry.kind == "key" else f"the user name {entry.text}"
        unique.add(document, place, entry, what)


def _check_senders(document: Document, account: Account) -> None:
    for index, sender in enumerate(account.senders):
        if not is_address(sender):
            text = f"{sender!r} is not an address such as news@example.com"
            raise document.error(("senders", index), text)


def _check_sections(document: Document, account: Account) -> None:
    """Hold each provider's section to its own accounts: elsewhere nobody would read it."""
    for section in _SECTIONS:
        if section in document.value and section != account.dialect:
            text = f"only accounts of the dialect {section} have this section (remove it)"
            raise document.error((section,), text)
    for network, address in account.teenvio.social.items():
        path = ("teenvio", "social", network)
        if not _NETWORK.fullmatch(network):
            raise document.error(path, f"{network!r} is not the name of a network such as facebook")
        if not is_web_address(address):
            raise document.error(path, f"{address!r} is not a URL such as https://www.facebook.com/me")
    for index, extension in enumerate(account.devino.attachment_types):
        if not _EXTENSION.fullmatch(extension):
            text = f"{extension!r} is not an extension such as pdf (lower case, without a dot)"
            raise document.error(("devino", "attachment_types", index), text)


def _check_pools(document: Document, account: Account, known: Container[str] | None) -> None:
    """Hold pools to those there are, and what leaves from one unasked to those the account may use."""
    for index, pool in enumerate(account.ip_pools):
        if known is not None and pool not in known:
            text = f"there is no pool {pool!r} in estafeta.yaml (add it to its ip_pools, or remove it here)"
            raise document.error(("ip_pools", index), text)
    chosen: list[tuple[KeyPath, str]] = [(("defaults", "ip_pool"), account.defaults.ip_pool)]
    chosen += [(("subaccounts", name, "ip_pool"), each.ip_pool) for name, each in account.subaccounts.items()]
    for path, pool in chosen:
        if pool and pool not in account.ip_pools:
            raise document.error(path, f"{pool!r} is none of the account's ip_pools (add it to them)")


def _check_suspension(document: Document, account: Account) -> None:
    """Refuse a `suspend_at` that looks at nothing: somebody would rely on it."""
    chosen = account.suspend_at
    if chosen and not chosen.complaint_rate and not chosen.bounce_rate:
        text = "with both rates 0 nothing is ever suspended (give one of them, or remove it)"
        raise document.error(("suspend_at",), text)


def _check_secret(document: Document, path: KeyPath, dialect: str, credential: Credential) -> None:
    """Hold a credential to what its dialect finds it by, and to one secret."""
    spoken = DIALECTS[dialect]
    by_username = spoken.found_by == "username"
    if by_username and spoken.parse_username(credential.username) is None:
        text = f"{dialect} finds credentials by a user name: {spoken.username_form}"
        raise document.error((*path, "username"), text)
    if not by_username and (credential.username or credential.password):
        key = "username" if credential.username else "password"
        raise document.error((*path, key), f"{dialect} finds credentials by their key alone (remove it)")
    if bool(credential.key) == bool(credential.password):
        text = "needs one secret: `key`" + (" or `password`" if by_username else "")
        raise document.error(path, text + " (made by: estafeta key create)")
    try:
        if credential.key:
            secrets.stored_digest(credential.key)
        else:
            secrets.check_stored_password(credential.password)
    except ValueError as error:
        raise document.error((*path, "key" if credential.key else "password"), str(error)) from None


def _check_use(document: Document, path: KeyPath, credential: Credential) -> None:
    for index, network in enumerate(credential.allow_from):
        check_network(document, (*path, "allow_from", index), network)


def _check_domains(document: Document, path: KeyPath, account: Account, credential: Credential) -> None:
    """Hold a credential's domains to the account's: any other could never be sent from."""
    listed = (domain for subaccount in account.subaccounts.values() for domain in subaccount.domains)
    known = {*account.domains, *listed}
    for index, domain in enumerate(credential.domains):
        if domain not in known:
            text = f"{domain} is none of the account's domains (add it to them, or remove it here)"
            raise document.error((*path, "domains", index), text)


def entries(account: Account) -> Iterator[tuple[KeyPath, Entry]]:
    """Yield what no other account may have of its dialect, with the place of each."""
    for name, credential in account.credentials.items():
        if credential.key:
            digest = secrets.stored_digest(credential.key).hex()
            yield ("credentials", name, "key"), Entry(digest, "key", account.dialect)
        if credential.username:
            yield ("credentials", name, "username"), Entry(credential.username, "username", account.dialect)


class Taking(Protocol):
    """Who knows what may stand in one place only, over all accounts."""

    def add(self, document: Document, key_path: KeyPath, entry: tuple[str, ...], what: str) -> None:
        """Take `entry` for this place; ConfigError names both places when it is taken."""


class Unique:
    """What may stand in one place only, over all account files."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, ...], tuple[Path, KeyPath]] = {}

    def add(self, document: Document, key_path: KeyPath, entry: tuple[str, ...], what: str) -> None:
        """Take `entry` for this place; ConfigError names both places when it is taken."""
        place = self._places.setdefault(entry, (document.path, key_path))
        if place != (document.path, key_path):
            path, other = place
            line = Document(path).line(other)
            raise document.error(key_path, f"{what} is already in {path}:{line}: {'.'.join(map(str, other))}")
