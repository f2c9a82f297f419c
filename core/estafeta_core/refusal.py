"""Why something may not pass, as SMTP says it (RFC 5321 section 4.2, RFC 3463).

A rule returns a `Refusal`, or None when it has nothing against it. The text is
plain: whoever puts it on the wire escapes and truncates it for that wire.

Whoever reads a header in many small functions raises RefusedError in them, and catches it in one place.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """A negative answer: 5yz when the client is at fault, 4yz when we are."""

    code: int
    status: str  # "" where the provider writes none
    text: str

    def __str__(self) -> str:
        return " ".join(filter(None, (str(self.code), self.status, self.text)))


# Until the store has been read: a domain or key that DNS verifies may be verified, or not.
DNS_UNKNOWN = Refusal(451, "4.4.3", "What DNS says of the sender is not known now, try again later")
# Whoever counts recipients, or the place where they are counted, does not answer.
UNCOUNTED = Refusal(451, "4.3.5", "Recipients cannot be counted now, try again later")


class RefusedError(Exception):
    """Ends the reading of a header, for this refusal."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal
