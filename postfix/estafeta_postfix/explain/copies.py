"""The copies that would go out, each made when somebody looks at it.

Where copies differ, each is made as the milter's second stage makes it: from the queued message and what its
job says of the recipient. The job itself is not shown: it is good for the loopback port of the copies. Nor is
any other field between us and Postfix (X-Estafeta-Pool), which smtp(8) takes off.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from estafeta_core.headers import values
from estafeta_core.identity import Identity
from estafeta_core.jobs import FIELD
from estafeta_core.recipients import Recipient
from estafeta_milter import copies, ledger
from estafeta_milter.addressees import ascii_address
from estafeta_milter.message.message import Message
from estafeta_postfix.explain.arrival import completed
from estafeta_postfix.explain.session import Going

INTERNAL = "x-estafeta-"  # how names of fields begin that no recipient sees


@dataclass(frozen=True, slots=True)
class Letter:
    """One recipient's copy as it leaves."""

    recipient: Recipient
    message: Message

    @property
    def address(self) -> str:
        """Who gets it, as the envelope says."""
        return self.message.recipients[0]

    @property
    def size(self) -> int:
        """Bytes of header and body."""
        return ledger.size(self.message)


def on_envelope(recipient: Recipient) -> str:
    """Return a recipient's address as the queue has it; one that a list names is added in A-labels."""
    return (ascii_address(recipient.address) if recipient.kind else None) or recipient.address


def letter(going: Going, recipient: Recipient) -> Letter:
    """Return the copy of one of the recipients that are sent to."""
    rendering = going.proposal.rendering
    differing = going.proposal.verdict.differing
    address = on_envelope(recipient)
    made = _own(going, address) if differing else rendering.final.with_recipients((address,))
    hostname = going.envelope.snapshot.config.hostname
    left = tuple(header for header in made.headers if not header.key.startswith(INTERNAL))
    sender = completed(made.sender, hostname)
    return Letter(recipient, replace(made, sender=sender, headers=left, body=_whole_lines(made.body)))


def _whole_lines(body: bytes) -> bytes:
    """Return a body as Postfix sends it: what a queue file holds is lines, and each has an end."""
    return body if not body or body.endswith(b"\n") else body + b"\r\n"


def _own(going: Going, address: str) -> Message:
    derived = going.derived
    queued = going.proposal.rendering.queued
    found = derived.jobs.read(values(queued.headers, FIELD)[0], address)
    if found is None:
        raise LookupError(f"the job says nothing of {address}")
    order, copy = found
    signers = derived.keyring.signers(Identity.parse(order.identity).account, order.signing)
    handed_over = queued.with_recipients((address,)).without_headers((FIELD,))
    return copies.finished(handed_over, order, copy, derived.links, signers)


def representatives(recipients: Sequence[Recipient]) -> tuple[Recipient, ...]:
    """Return the first recipient of each kind."""
    first: dict[str, Recipient] = {}
    for recipient in recipients:
        first.setdefault(recipient.kind, recipient)
    return tuple(first.values())
