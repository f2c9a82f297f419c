"""Which subaccount a message is sent as, where the message names one.

Who has logged in for the whole account may send as each of its subaccounts that is active. Who has logged in
as a subaccount is that one, whatever a message says: it may name itself, and no other.
"""

from dataclasses import replace

from estafeta_core.directory import Credential
from estafeta_core.identity import Identity
from estafeta_core.options import Options
from estafeta_core.refusal import Refusal


def choose(options: Options, credential: Credential, identity: Identity) -> Identity | Refusal:
    """Return who sends: `identity`, which the login has established, or a subaccount of its account."""
    name = options.subaccount
    if name in ("", identity.subaccount):
        return identity
    part = credential.account.subaccounts.get(name)
    if identity.subaccount is not None or part is None or part.status != "active":
        return Refusal(550, "5.7.1", f"No active subaccount '{name}' that this login may send as")
    return replace(identity, subaccount=name)
