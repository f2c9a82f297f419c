"""Whether the credential is in force, and the subaccount it speaks for is there and active.

Asked at AUTH, and again at every MAIL: an open session must not outlive its key.
"""

from datetime import datetime

from estafeta_core.directory import Credential
from estafeta_core.refusal import Refusal

SUSPENDED = Refusal(535, "5.7.8", "Credential suspended")
REVOKED = Refusal(535, "5.7.8", "Credential revoked")
EXPIRED = Refusal(535, "5.7.8", "Credential expired")
UNKNOWN_SUBACCOUNT = Refusal(535, "5.7.8", "Unknown subaccount")
SUBACCOUNT_SUSPENDED = Refusal(535, "5.7.8", "Subaccount suspended")
SUBACCOUNT_TERMINATED = Refusal(535, "5.7.8", "Subaccount terminated")

_BY_STATUS = {"active": None, "suspended": SUSPENDED, "revoked": REVOKED}
_BY_SUBACCOUNT_STATUS = {
    "active": None,
    "suspended": SUBACCOUNT_SUSPENDED,
    "terminated": SUBACCOUNT_TERMINATED,
}


def check(credential: Credential, subaccount: str | None, now: datetime) -> Refusal | None:
    """Return why the identity may not be used at `now` (with a zone); None: nothing against it."""
    settings = credential.settings
    refusal = _BY_STATUS[settings.status]
    if refusal is None and settings.expires is not None and settings.expires <= now:
        refusal = EXPIRED
    if refusal is not None or subaccount is None:
        return refusal
    part = credential.account.subaccounts.get(subaccount)
    return UNKNOWN_SUBACCOUNT if part is None else _BY_SUBACCOUNT_STATUS[part.status]
