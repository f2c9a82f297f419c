"""Who gets a copy of a message, and why: RCPT TO named him, or one of the lists in the message.

    ""        RCPT TO; SparkPost's events say nothing of it
    cc        every copy shows him in Cc
    bcc       only his own copy shows him, in Bcc
    archive   no copy shows him; his is a replica of the one that the first RCPT TO gets, links and all

The kinds stand in the order in which they win where an address is named more than once.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["", "cc", "bcc", "archive"]
KINDS: tuple[Kind, ...] = ("", "cc", "bcc", "archive")


@dataclass(frozen=True, slots=True)
class Recipient:
    """One who gets a copy."""

    address: str  # as it was written
    kind: Kind = ""
    name: str = ""  # the friendly name, where a list gave one
