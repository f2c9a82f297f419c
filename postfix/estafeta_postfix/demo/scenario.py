"""What one provider's client does, and how to look at what comes out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Literal

from estafeta_postfix.demo.browser import Browser
from estafeta_postfix.demo.delivered import Delivered
from estafeta_postfix.demo.report import Report


@dataclass(frozen=True, slots=True)
class Scenario:
    """One message of one client."""

    title: str  # who sends, as the heading says it
    dialect: str
    port: int  # as the provider documents it: what is there may listen on another
    credential: str
    mechanism: Literal["LOGIN", "PLAIN"]
    sender: str  # MAIL FROM
    recipients: tuple[str, ...]  # RCPT TO; the first is the one who reads
    message: Callable[[], EmailMessage]
    look: Callable[[Delivered, Browser, Report], None]  # at the first recipient's copy, as he does
    events: Mapping[str, frozenset[str]]  # by recipient: the types that are recorded in the end
    # All copies against each other, once they are delivered.
    compare: Callable[[Sequence[Delivered], Report], None] | None = None
    listed: tuple[str, ...] = ()  # what of it is listed by `estafeta KIND list`

    @property
    def reader(self) -> str:
        """The recipient whose copy is looked at."""
        return self.recipients[0]
