"""Whether this identity may show this From address.

A domain is compared whole, as lower-case A-labels: neither a subdomain nor a longer name that
ends alike is the domain an account has verified.

primary account   the account's `domains` that are verified by the operator's word; `dns` and
                  `false` wait. A domain that only stands under a subaccount is not the primary's.
subaccount        the domains listed under it; where such a domain also stands in the account's
                  `domains`, its verified state there holds.
"""

from estafeta_core import addresses
from estafeta_core.config.accounts import Account
from estafeta_core.dialects.base import Dialect
from estafeta_core.directory import Credential
from estafeta_core.refusal import Refusal

UNREADABLE = Refusal(550, "5.7.1", "The From header must hold exactly one plain address")


def check(
    friendly_from: str | None, credential: Credential, subaccount: str | None, dialect: Dialect
) -> Refusal | None:
    """Return why the message may not go out under `friendly_from`.

    `friendly_from` is what `addresses.mailbox_of_from` found: None when readers might disagree.
    """
    domain = addresses.domain_of(friendly_from) if friendly_from is not None else None
    if domain is None:
        return UNREADABLE
    return (
        None if _may_use(credential.account, subaccount, domain) else dialect.sending_domain_refused(domain)
    )


def _may_use(account: Account, subaccount: str | None, domain: str) -> bool:
    own = account.domains.get(domain)
    if subaccount is None:
        return own is not None and own.verified is True
    part = account.subaccounts.get(subaccount)
    listed = part is not None and domain in part.domains
    return listed and (own is None or own.verified is True)
