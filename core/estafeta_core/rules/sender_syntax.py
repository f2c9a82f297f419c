"""Whether MAIL FROM is an address, or empty (RFC 5321 section 4.1.1.2).

The empty sender is a client's right: bounces and receipts use it, and it is rewritten anyway.
"""

from estafeta_core import addresses
from estafeta_core.refusal import Refusal

BAD_SENDER = Refusal(553, "5.1.7", "Bad sender address syntax")


def check(sender: str) -> Refusal | None:
    """Return the refusal for a sender, given without angle brackets, that nobody could answer to."""
    return BAD_SENDER if sender and not addresses.is_address(sender) else None
