"""Which pool of addresses a message leaves from.

The one that the message names, or else the subaccount's, or else the account's default. An account may use
the pools that its file lists, and a subaccount with a pool of its own may use no other: the name that an
address has made for itself is somebody's.
"""

from estafeta_core.config.accounts import Account
from estafeta_core.options import Options
from estafeta_core.refusal import Refusal

FIELD = "X-Estafeta-Pool"  # by which the milter tells Postfix


def choose(options: Options, account: Account, subaccount: str | None) -> str | Refusal:
    """Return the name of the pool; "": Postfix's own way out."""
    part = account.subaccounts.get(subaccount) if subaccount is not None else None
    own = part.ip_pool if part is not None else ""
    if not options.ip_pool:
        return own or account.defaults.ip_pool
    allowed = (own,) if own else account.ip_pools
    if options.ip_pool not in allowed:
        return Refusal(550, "5.6.0", f"No IP pool '{options.ip_pool}' for this account")
    return options.ip_pool
