"""Whether the credential may send, after what came back of its mail and what DNS says of its domains.

Suspended by itself it may do everything else: reading what happened is not sending. One that has lost all its
domains is suspended where its provider does so, and until one of them is there again.
"""

from estafeta_core.dialects import DIALECTS
from estafeta_core.directory import Credential
from estafeta_core.refusal import Refusal
from estafeta_core.rules.credential_active import SUSPENDED


def check(credential: Credential) -> Refusal | None:
    """Return the refusal of a suspended credential, in the words for one that its file suspends."""
    if credential.sending_suspended:
        return SUSPENDED
    without_domain = credential.domains_lost and DIALECTS[credential.account.dialect].suspends_without_domain
    return SUSPENDED if without_domain else None
