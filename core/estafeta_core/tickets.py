"""X-Estafeta-Ticket: who sends a message that comes to the milter by way of the receipt proxy.

    value  = time SP identity SP listener SP address SP ("tls" | "clear") SP mac
    time   = seconds since 1970, when the first recipient was accepted
    mac    = HMAC-SHA256 of all before it, truncated to 128 bits (RFC 2104 section 5), in hexadecimal

Behind a before-queue proxy Postfix no longer knows who logged in, and a listener that took the proxy's word
for it would take that of every user of the host. So the policy daemon, which Postfix asks about each
recipient and tells who that is, has smtpd(8) put this field before everything else in the message.
The milter believes the field at that place and at no other: what a client writes comes behind it. It goes no
farther: the milter takes it off the message.

The first key signs and all verify, so keys rotate. Reading never raises, for the text may be anybody's.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from estafeta_core.config.schema import Config
from estafeta_core.tokens import read_keys, subkey

FIELD = "X-Estafeta-Ticket"
LISTENER = "estafeta-receipt"
"""The listener that takes messages from the proxy, by the name Postfix tells the milter."""
LIFETIME = 3600  # seconds from the first recipient to the final dot, over however slow a line

_MAC_DIGITS = 32
_WORDS = 5


@dataclass(frozen=True, slots=True)
class Ticket:
    """What smtpd knew of the client when it accepted the first recipient."""

    time: int  # Unix seconds
    identity: str
    listener: str
    client_address: str
    secured: bool


class Tickets:
    """Writes and reads tickets with the keys of one configuration; safe to share between threads."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = [subkey(key, b"ticket") for key in keys]

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Return the tickets of `config`; OSError or ValueError when its signing keys cannot be used."""
        return cls(read_keys(config.signing_keys))

    def write(self, ticket: Ticket) -> str:
        """Return the value of the field."""
        tls = "tls" if ticket.secured else "clear"
        said = f"{ticket.time} {ticket.identity} {ticket.listener} {ticket.client_address} {tls}"
        return f"{said} {_mac(self._keys[0], said)}"

    def read(self, value: bytes, now: int) -> Ticket | None:
        """Return what the value says, or None when we never wrote it, or not within `LIFETIME` of `now`."""
        said, _, mac = value.decode("latin-1").strip().rpartition(" ")
        if not any(hmac.compare_digest(_mac(key, said).encode(), mac.encode()) for key in self._keys):
            return None
        words = said.split(" ")
        if len(words) != _WORDS or abs(now - int(words[0])) > LIFETIME:
            return None
        return Ticket(int(words[0]), words[1], words[2], words[3], words[4] == "tls")


def _mac(key: bytes, said: str) -> str:
    return hmac.digest(key, said.encode(), "sha256").hex()[:_MAC_DIGITS]
