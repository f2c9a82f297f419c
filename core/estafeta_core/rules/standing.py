"""May this identity be used from there, now? The rules about a credential's use, in order.

Asked at AUTH, and again in open sessions by the milter at every MAIL and by the policy daemon
at every RCPT TO: so a credential suspended, a network taken off its list or a permission
withdrawn is felt at once.
"""

from datetime import datetime

from estafeta_core.directory import Credential
from estafeta_core.refusal import Refusal
from estafeta_core.rules import (
    allowed_address,
    credential_active,
    may_send,
    sending_suspended,
    tls_required,
)


def check(
    credential: Credential,
    subaccount: str | None,
    *,
    client_address: str,
    secured: bool,
    now: datetime,
) -> Refusal | None:
    """Return the first refusal of the rules about a credential's use."""
    return (
        credential_active.check(credential, subaccount, now)
        or sending_suspended.check(credential)
        or tls_required.check(credential, secured=secured)
        or allowed_address.check(credential, client_address)
        or may_send.check(credential)
    )
