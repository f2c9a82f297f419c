"""Whether the credential may send, after what came back of its mail.

Suspended by itself it may do everything else: reading what happened is not sending.
"""

from estafeta_core.directory import Credential
from estafeta_core.refusal import Refusal
from estafeta_core.rules.credential_active import SUSPENDED


def check(credential: Credential) -> Refusal | None:
    """Return the refusal of a suspended credential, in the words for one that its file suspends."""
    return SUSPENDED if credential.sending_suspended else None
