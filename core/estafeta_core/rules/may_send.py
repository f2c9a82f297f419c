"""Whether the credential has the permission to send."""

from estafeta_core.dialects import DIALECTS
from estafeta_core.directory import Credential
from estafeta_core.refusal import Refusal


def check(credential: Credential) -> Refusal | None:
    """Return the refusal for a credential that may do other things, but not send."""
    if "send" in credential.permissions:
        return None
    return DIALECTS[credential.account.dialect].permission_refused
