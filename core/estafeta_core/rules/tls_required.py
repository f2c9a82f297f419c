"""Whether the credential may be used without TLS."""

from estafeta_core.directory import Credential
from estafeta_core.refusal import Refusal

REQUIRED = Refusal(535, "5.7.8", "Credential requires TLS")


def check(credential: Credential, *, secured: bool) -> Refusal | None:
    """Return the refusal for a credential that must not cross the network in clear."""
    return REQUIRED if credential.settings.require_tls and not secured else None
