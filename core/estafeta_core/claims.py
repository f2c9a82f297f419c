"""What DNS verifies: domains and DKIM keys that an account file marks `verified: dns`.

The worker asks DNS and writes what it finds into the store; the daemons learn of it as they learn of
suspensions (standings.py), and put it into force as if the file said `true` or `false`.
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

import msgspec

from estafeta_core.config.accounts import Account, Dkim, DkimKey, Domain


class Claim(NamedTuple):
    """That a domain is the account's, or that a key of its signs for it."""

    account: str
    domain: str  # in lower-case A-labels
    key: str = ""  # the selector of the DKIM key, as another one is another record; "": the domain itself


def awaited(account: Account) -> Iterator[Claim]:
    """Yield what DNS has to verify for an account."""
    for domain, settings in account.domains.items():
        if settings.verified == "dns":
            yield Claim(account.account, domain)
        for key in settings.dkim.keys.values() if settings.dkim is not None else ():
            if isinstance(key, DkimKey) and key.verified == "dns":
                yield Claim(account.account, domain, key.selector)


def settled(account: Account, verified: Collection[Claim]) -> Account:
    """Return the account with `true` or `false` for each `dns`."""
    waiting = {claim.domain for claim in awaited(account)}
    domains = {
        name: _settled(domain, Claim(account.account, name), verified) if name in waiting else domain
        for name, domain in account.domains.items()
    }
    return msgspec.structs.replace(account, domains=domains)


def _settled(domain: Domain, claim: Claim, verified: Collection[Claim]) -> Domain:
    dkim = domain.dkim
    if dkim is not None:
        keys = {name: _settled_key(key, claim, verified) for name, key in dkim.keys.items()}
        dkim = Dkim(keys=keys, default=dkim.default)
    said = claim in verified if domain.verified == "dns" else domain.verified
    return msgspec.structs.replace(domain, verified=said, dkim=dkim)


def _settled_key(key: DkimKey | str, domain: Claim, verified: Collection[Claim]) -> DkimKey | str:
    if isinstance(key, DkimKey) and key.verified == "dns":
        return msgspec.structs.replace(key, verified=domain._replace(key=key.selector) in verified)
    return key
