"""Accounts and credentials, found in constant time.

Built once per reload from the account files and never changed afterwards, so any
thread may read it. What the store says besides (`Standing`) is in force in another
one, which takes its place. A generated key is found by the SHA-256 of the
whole key, so the time of a look-up says nothing about how much of a key was guessed
right.
"""

import copy
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from estafeta_core import secrets
from estafeta_core.addresses import mailbox_key
from estafeta_core.claims import Claim, awaited, settled
from estafeta_core.config import accounts
from estafeta_core.identity import Identity

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Standing:
    """What the store says of credentials and domains, and no file."""

    suspended: frozenset[str] = frozenset()  # `account/credential`, by themselves
    verified: frozenset[Claim] | None = None  # whose DNS record has been seen; None: that is not known yet
    lost: frozenset[Claim] = frozenset()  # whose record was there, and is there no more


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential with the account it belongs to, ready to be asked."""

    name: str
    account: accounts.Account
    settings: accounts.Credential
    permissions: frozenset[str]
    allow_from: tuple[Network, ...]
    senders: frozenset[str]  # validated addresses of the account, in the form of addresses.mailbox_key
    sending_suspended: bool = False  # by itself, for what came back of its mail: no file says it
    domains_lost: bool = False  # all that it may show had their DNS records, and have them no more

    @property
    def id(self) -> str:
        """`account/credential`."""
        return f"{self.account.account}/{self.name}"


class Directory:
    """Every account of one reload."""

    def __init__(self, account_files: Iterable[accounts.Account]) -> None:
        self.accounts: dict[str, accounts.Account] = {}
        self.claims: dict[str, tuple[Claim, ...]] = {}  # what DNS has to verify, by account
        self._dialects: dict[str, None] = {}  # of the accounts, each once
        self._by_id: dict[tuple[str, str], Credential] = {}
        self._by_key: dict[tuple[str, bytes], Credential] = {}
        self._by_username: dict[tuple[str, str], Credential] = {}
        for account in account_files:
            self._add(account)

    def _add(self, account: accounts.Account) -> None:
        self.accounts[account.account] = account
        self._dialects[account.dialect] = None
        claims = tuple(awaited(account))
        if claims:
            self.claims[account.account] = claims
        senders = frozenset(map(mailbox_key, account.senders))
        for name, settings in account.credentials.items():
            credential = Credential(
                name=name,
                account=account,
                settings=settings,
                permissions=frozenset(settings.permissions),
                allow_from=tuple(ipaddress.ip_network(network) for network in settings.allow_from),
                senders=senders,
            )
            self._index(credential)

    def _index(self, credential: Credential) -> None:
        account, settings = credential.account, credential.settings
        self._by_id[account.account, credential.name] = credential
        if settings.key:
            self._by_key[account.dialect, secrets.stored_digest(settings.key)] = credential
        if settings.username:
            self._by_username[account.dialect, settings.username] = credential

    def under(self, standing: Standing) -> "Directory":
        """Return the accounts as files and store say together; this one is as the files say."""
        changed = {name.partition("/")[0] for name in standing.suspended}
        if standing.verified is not None:
            changed |= self.claims.keys()
        changed &= self.accounts.keys()
        if not changed:
            return self
        other = copy.copy(self)
        other.accounts = self.accounts.copy()
        other._by_id, other._by_key, other._by_username = (
            self._by_id.copy(),
            self._by_key.copy(),
            self._by_username.copy(),
        )
        for name in changed:
            account = self.accounts[name]
            if name in self.claims and standing.verified is not None:
                account = settled(account, standing.verified)
            other.accounts[name] = account
            for credential in account.credentials:
                other._index(_standing(self._by_id[name, credential], account, standing))
        return other

    def by_key(self, dialect: str, key: str) -> Credential | None:
        """Return the credential of `dialect` whose generated key is `key`."""
        return self._by_key.get((dialect, secrets.key_digest(key)))

    def by_username(self, dialect: str, username: str) -> Credential | None:
        """Return the credential of `dialect` with exactly this user name; its secret is not checked yet."""
        return self._by_username.get((dialect, username))

    def by_any_key(self, key: str) -> list[Credential]:
        """Return the credentials whose generated key is `key`, whatever their dialect: one, or none."""
        return self._in_any_dialect(self._by_key, secrets.key_digest(key))

    def by_any_username(self, username: str) -> list[Credential]:
        """Return the credentials with exactly this user name; their secrets are not checked yet."""
        return self._in_any_dialect(self._by_username, username)

    def _in_any_dialect(self, found_by: dict[tuple[str, T], Credential], wanted: T) -> list[Credential]:
        named = (found_by.get((dialect, wanted)) for dialect in self._dialects)
        return [credential for credential in named if credential is not None]

    def credential(self, identity: Identity) -> Credential | None:
        """Return the credential behind an identity that the SASL back end has returned before."""
        return self.by_id(identity.account, identity.credential)

    def by_id(self, account: str, name: str) -> Credential | None:
        """Return the credential `account/name`."""
        return self._by_id.get((account, name))

    def credentials(self) -> list[Credential]:
        """Return every credential, in the order of the files."""
        return list(self._by_id.values())


def _standing(credential: Credential, account: accounts.Account, standing: Standing) -> Credential:
    """Return the credential, of `account` now, with what the store says of it."""
    domains = credential.settings.domains or tuple(account.domains)
    return replace(
        credential,
        account=account,
        sending_suspended=credential.id in standing.suspended,
        domains_lost=bool(domains) and all((account.account, each, "") in standing.lost for each in domains),
    )
