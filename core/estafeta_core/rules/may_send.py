"""Whether the credential has the permission to send."""

from estafeta_core.directory import Credential
from estafeta_core.refusal import Refusal

NOT_PERMITTED = Refusal(535, "5.7.8", 'Credential lacks the permission "Send via SMTP"')


def check(credential: Credential) -> Refusal | None:
    """Return the refusal for a credential that may do other things, but not send."""
    return None if "send" in credential.permissions else NOT_PERMITTED
