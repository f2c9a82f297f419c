"""Whether bounces may go to the domain that a message names for them.

Only to one that the account has verified and that leads to us (`bounce: true`): at any other, nobody would
hear of a bounce.
"""

from estafeta_core.config.accounts import Account
from estafeta_core.options import Options
from estafeta_core.refusal import DNS_UNKNOWN, Refusal


def check(options: Options, account: Account) -> Refusal | None:
    """Return the refusal of a domain that bounces would be lost at; none is asked for: nothing."""
    if not options.return_path_domain:
        return None
    own = account.domains.get(options.return_path_domain)
    if own is not None and own.verified and own.bounce:
        return DNS_UNKNOWN if own.verified == "dns" else None
    return Refusal(550, "5.6.0", f"No return path domain '{options.return_path_domain}' for this account")
