"""What lies in the outbox, read with the standard library as a recipient's program would."""

import email
import email.policy
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

HEAD_BYTES = 20_000  # the trace fields and what follows them; the queue id stands there


@dataclass(slots=True)
class Delivered:
    """One copy."""

    raw: bytes
    html: str = field(init=False)
    text: str = field(init=False)
    message: EmailMessage = field(init=False)

    def __post_init__(self) -> None:
        self.message = email.message_from_bytes(self.raw, _class=EmailMessage, policy=email.policy.SMTP)
        self.html = self._part("html")
        self.text = self._part("plain")

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return part.get_content() if part is not None else ""

    @property
    def recipient(self) -> str:
        """Whom it was delivered to."""
        return str(self.message["Delivered-To"])


def of_message(outbox: Path, queue_id: str) -> list[Delivered]:
    """Return the copies that have come so far of the message that Postfix took in under `queue_id`."""
    taken_in = f" id {queue_id}".encode()
    everything = (path.read_bytes() for path in sorted((outbox / "new").iterdir()))
    # Only what was asked for is parsed: the outbox may hold what no library can read.
    return [Delivered(raw) for raw in everything if taken_in in raw[:HEAD_BYTES]]
