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
from estafeta_core.identity import Entry, Identity

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
T = TypeVar("T")

_PERMISSIONS: dict[frozenset[str], frozenset[str]] = {}  # each set of them once, for all credentials


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

    def __init__(self, account_files: Iterable[accounts.Account] = ()) -> None:
        self.accounts: dict[str, accounts.Account] = {}
        self.claims: dict[str, tuple[Claim, ...]] = {}  # what DNS has to verify, by account
        self._dialects: dict[str, None] = {}  # of the accounts, each once
        self._by_id: dict[tuple[str, str], Credential] = {}
        self._by_key: dict[tuple[str, bytes], Credential] = {}
        self._by_username: dict[tuple[str, str], Credential] = {}
        for account in account_files:
            self.add(account)

    def copied(self) -> "Directory":
        """Return another one with the same accounts, to be changed before anybody reads it."""
        other = copy.copy(self)
        other.accounts, other.claims, other._dialects = (
            self.accounts.copy(),
            self.claims.copy(),
            self._dialects.copy(),
        )
        other._by_id, other._by_key, other._by_username = (
            self._by_id.copy(),
            self._by_key.copy(),
            self._by_username.copy(),
        )
        return other

    def add(self, account: accounts.Account, standing: Standing | None = None) -> None:
        """Take an account that is not there, as its file says, or as file and store say together."""
        claims = tuple(awaited(account))
        if claims:
            self.claims[account.account] = claims
            if standing is not None and standing.verified is not None:
                account = settled(account, standing.verified)
        self.accounts[account.account] = account
        self._dialects[account.dialect] = None
        senders = frozenset(map(mailbox_key, account.senders))
        for name, settings in account.credentials.items():
            self._index(_credential(name, account, settings, senders, standing))

    def remove(self, name: str) -> None:
        """Take an account out, if it is there."""
        account = self.accounts.pop(name, None)
        if account is None:
            return
        self.claims.pop(name, None)
        for credential, settings in account.credentials.items():
            self._by_id.pop((name, credential), None)
            if settings.key:
                self._by_key.pop((account.dialect, secrets.stored_digest(settings.key)), None)
            if settings.username:
                self._by_username.pop((account.dialect, settings.username), None)

    def _index(self, credential: Credential) -> None:
        account, settings = credential.account, credential.settings
        self._by_id[account.account, credential.name] = credential
        if settings.key:
            self._by_key[account.dialect, secrets.stored_digest(settings.key)] = credential
        if settings.username:
            self._by_username[account.dialect, settings.username] = credential

    def holder(self, entry: Entry) -> str | None:
        """Return the account that has a key or user name; None where none has."""
        if entry.kind == "key":
            found = self._by_key.get((entry.dialect, bytes.fromhex(entry.text)))
        else:
            found = self._by_username.get((entry.dialect, entry.text))
        return found.account.account if found else None

    def under(self, standing: Standing, before: "Settled | None" = None) -> "Directory":
        """Return the accounts as files and store say together; this one is as the files say.

        `before` is what the last answer was made from. What has not changed since is taken from there, so one
        account of many costs no more than a look at the names of all.
        """
        unchanged = Settled(self, Standing(), self)
        before = before or unchanged
        changed = {
            name for name, account in self.accounts.items() if before.files.accounts.get(name) is not account
        }
        if 2 * len(changed) > len(self.accounts):  # nothing is gained by what was there
            before, changed = unchanged, set()
        changed |= self._touched(before.standing, standing)
        gone = before.files.accounts.keys() - self.accounts.keys()
        if not changed and not gone:
            return before.directory
        other = before.directory.copied()
        for name in (*gone, *changed):
            other.remove(name)
        for name in changed:
            other.add(self.accounts[name], standing)
        return other

    def _touched(self, before: Standing, now: Standing) -> set[str]:
        """Return the accounts of which the store says something else than before."""
        named = {name.partition("/")[0] for name in before.suspended ^ now.suspended}
        if before.verified is None or now.verified is None:
            if before.verified is not now.verified:
                named |= self.claims.keys()
        else:
            named |= {claim.account for claim in before.verified ^ now.verified}
        named |= {claim.account for claim in before.lost ^ now.lost}
        return named & self.accounts.keys()

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


@dataclass(frozen=True, slots=True)
class Settled:
    """A directory as files and store say together, and what it was made from."""

    files: Directory
    standing: Standing
    directory: Directory


def _credential(
    name: str,
    account: accounts.Account,
    settings: accounts.Credential,
    senders: frozenset[str],
    standing: Standing | None,
) -> Credential:
    """Return a credential of an account, with what the store says of it."""
    permissions = frozenset(settings.permissions)
    credential = Credential(
        name=name,
        account=account,
        settings=settings,
        permissions=_PERMISSIONS.setdefault(permissions, permissions),
        allow_from=tuple(ipaddress.ip_network(network) for network in settings.allow_from),
        senders=senders,
    )
    if standing is None:
        return credential
    domains = settings.domains or tuple(account.domains)
    return replace(
        credential,
        sending_suspended=credential.id in standing.suspended,
        domains_lost=bool(domains) and all((account.account, each, "") in standing.lost for each in domains),
    )
