"""Whether this identity may send as this address.

Some providers verify domains, some single addresses (`Dialect.sender_check`).

domain    A domain is compared whole, as lower-case A-labels: neither a subdomain nor a longer name that
          ends alike is the domain an account has verified.

          primary account   the account's `domains` that are verified, by the operator's word or by DNS. A
                            domain that only stands under a subaccount is not the primary's.
          subaccount        the domains listed under it; where such a domain also stands in the account's
                            `domains`, its verified state there holds.

address   The account's `senders`, whatever upper and lower case they are written in.

Where nobody has read yet what DNS says of a domain (`dns`), the answer is a temporary one.

A credential with `domains` of its own may use those of them only.
"""

from estafeta_core import addresses
from estafeta_core.config.accounts import Verified
from estafeta_core.dialects.base import Dialect
from estafeta_core.directory import Credential
from estafeta_core.refusal import DNS_UNKNOWN, Refusal

UNREADABLE = Refusal(550, "5.7.1", "The From header must hold exactly one plain address")


def check(
    address: str,
    credential: Credential,
    subaccount: str | None,
    dialect: Dialect,
    *,
    by_domain: bool = False,
) -> Refusal | None:
    """Return why nothing may go out as `address`, given without angle brackets.

    `by_domain`: any address of a verified domain will do, whatever the provider verifies.
    """
    domain = addresses.domain_of(address)
    own = credential.settings.domains
    verified: Verified
    if domain is None or (own and domain not in own):
        verified = False
    elif by_domain or dialect.sender_check == "domain":
        verified = _may_use(credential, subaccount, domain)
    else:
        verified = addresses.mailbox_key(address) in credential.senders
    if verified == "dns":
        return DNS_UNKNOWN
    return None if verified else dialect.sender_refused(address, credential.account)


def _may_use(credential: Credential, subaccount: str | None, domain: str) -> Verified:
    account = credential.account
    own = account.domains.get(domain)
    if subaccount is None:
        return own is not None and own.verified
    part = account.subaccounts.get(subaccount)
    if part is None or domain not in part.domains:
        return False
    return own is None or own.verified
