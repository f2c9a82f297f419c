"""Whether RCPT TO is an address (RFC 5321 section 4.1.1.3)."""

from estafeta_core import addresses
from estafeta_core.refusal import Refusal

BAD_RECIPIENT = Refusal(553, "5.1.3", "Bad recipient address syntax")


def check(recipient: str) -> Refusal | None:
    """Return the refusal for a recipient, given without angle brackets, that no mail can reach."""
    return None if addresses.is_address(recipient) else BAD_RECIPIENT
