"""What SparkPost calls its bounce classes, and the category each belongs to.

From its table of bounce classification codes. A class that is not in it counts as undetermined, as SparkPost
counts it.
"""

from dataclasses import dataclass
from typing import Literal

from estafeta_core.bounce_class import UNDETERMINED

Category = Literal["Undetermined", "Hard", "Soft", "Block", "Admin"]

CATEGORIES: tuple[Category, ...] = (
    "Undetermined",
    "Hard",
    "Soft",
    "Block",
    "Admin",
)  # SparkPost's numbers 0 to 4


@dataclass(frozen=True, slots=True)
class BounceName:
    """A class, in words."""

    name: str
    category: Category


NAMES = {
    UNDETERMINED: BounceName("Undetermined", "Undetermined"),
    10: BounceName("Invalid Recipient", "Hard"),
    20: BounceName("Soft Bounce", "Soft"),
    21: BounceName("DNS Failure", "Soft"),
    22: BounceName("Mailbox Full", "Soft"),
    23: BounceName("Too Large", "Soft"),
    24: BounceName("Timeout", "Soft"),
    25: BounceName("Admin Failure", "Admin"),
    30: BounceName("Generic Bounce: No RCPT", "Hard"),
    40: BounceName("Generic Bounce", "Soft"),
    50: BounceName("Mail Block", "Block"),
    51: BounceName("Spam Block", "Block"),
    52: BounceName("Spam Content", "Block"),
    53: BounceName("Prohibited Attachment", "Block"),
    54: BounceName("Relaying Denied", "Block"),
    60: BounceName("Auto-Reply", "Soft"),
    70: BounceName("Transient Failure", "Soft"),
    80: BounceName("Subscribe", "Admin"),
    90: BounceName("Unsubscribe", "Hard"),
    100: BounceName("Challenge-Response", "Soft"),
}


def name_of(bounce_class: int) -> BounceName:
    """Return the words for a class."""
    return NAMES.get(bounce_class, NAMES[UNDETERMINED])


def classes_of(category: Category) -> tuple[int, ...]:
    """Return the classes of a category."""
    return tuple(number for number, each in NAMES.items() if each.category == category)
