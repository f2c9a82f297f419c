"""Rows about credentials and domains: who is suspended, what DNS has verified. Times: Unix milliseconds."""

from dataclasses import dataclass
from typing import Literal

from estafeta_core.claims import Claim

SuspensionReason = Literal["complaint_rate", "bounce_rate"]
DomainState = Literal["unverified", "verified", "lost"]


@dataclass(frozen=True, slots=True)
class Suspension:
    """That a credential may not send, because of what came back of its mail, until a person lifts it.

    One that is suspended already stays so since when it was.
    """

    account: str
    credential: str
    since: int
    until: int | None  # None: it is in force
    reason: SuspensionReason
    recipients: int
    complaints: int
    bounces: int

    @property
    def credential_id(self) -> str:
        """`account/credential`."""
        return f"{self.account}/{self.credential}"


@dataclass(frozen=True, slots=True)
class SuspensionLifted:
    """That a person lets a credential send again."""

    account: str
    credential: str
    until: int


@dataclass(frozen=True, slots=True)
class DomainAwaited:
    """That DNS has to verify a domain or a DKIM key from now on; one that is known already stays as it is."""

    account: str
    domain: str
    key: str  # the selector of the DKIM key; "": the domain itself
    challenge: str  # what its TXT record has to say; "" for a key, whose file says it
    since: int
    due: int


@dataclass(frozen=True, slots=True)
class DomainCheck:
    """What DNS has said of a domain or a DKIM key."""

    account: str
    domain: str
    key: str
    challenge: str
    state: DomainState  # unverified: never seen; lost: seen once, and gone for longer than the grace period
    since: int  # when it came into this state
    missing: int | None  # since when the record of a verified one is gone
    checked: int | None  # when DNS was asked last
    answer: str  # what it said then, for people
    due: int  # when it is asked again

    @property
    def claim(self) -> Claim:
        """What it is about."""
        return Claim(self.account, self.domain, self.key)


@dataclass(frozen=True, slots=True)
class DomainChecked:
    """That DNS was asked; nothing is written where somebody else has asked since `before` was read."""

    before: DomainCheck
    after: DomainCheck
