"""Whether MAIL FROM is an address, with or without a domain, or empty (RFC 5321 section 4.1.1.2).

The empty sender is a client's right: bounces and receipts use it. So is one without a domain (`root`), which
SparkPost takes, as it overwrites the address; Postfix completes one that is kept.
"""

from estafeta_core import addresses
from estafeta_core.refusal import Refusal

BAD_SENDER = Refusal(553, "5.1.7", "Bad sender address syntax")


def check(sender: str) -> Refusal | None:
    """Return the refusal for a sender, given without angle brackets, that nobody could answer to."""
    whole = sender if "@" in sender else f"{sender}@domain.invalid"
    return BAD_SENDER if sender and not addresses.is_address(whole) else None
