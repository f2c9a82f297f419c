"""A message and a key -> the value of DKIM-Signature (RFC 6376 sections 3.5 and 3.7, RFC 8463 section 3).

Canonicalization is relaxed/relaxed: what hosts on the way do to white space breaks nothing. There is no time
stamp and no expiry, so the same copy made twice has the same signature. `l=` is not used: it would leave the
end of the body to anybody.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from estafeta_core.headers import Header
from estafeta_milter.dkim.canonical import relaxed_body, relaxed_header, relaxed_value
from estafeta_milter.dkim.covered import covered
from estafeta_milter.dkim.keys import PrivateKey

NAME = "DKIM-Signature"
WIDTH = 78  # bytes of a line, at most, that RFC 5322 section 2.1.1 wants; a long domain may take more
CHUNK = 72  # of them with base64

_FIELD = NAME.lower().encode() + b":"


@dataclass(frozen=True, slots=True)
class Hashed:
    """What all signatures of one message share."""

    names: bytes  # the value of h=, folded
    fields: bytes  # the covered fields as they are hashed
    body_hash: bytes  # the value of bh=

    @classmethod
    def of(cls, headers: Sequence[Header], body: bytes) -> Self:
        """Hash a message as it leaves."""
        names, fields = covered(headers)
        digest = hashlib.sha256(relaxed_body(body)).digest()
        return cls(
            names=_joined(names),
            fields=b"".join([relaxed_header(header) + b"\r\n" for header in fields]),
            body_hash=base64.b64encode(digest),
        )


@dataclass(frozen=True, slots=True)
class Signer:
    """One key of one domain."""

    domain: str
    selector: str
    key: PrivateKey

    def sign(self, hashed: Hashed) -> bytes:
        """Return the value of DKIM-Signature for a message."""
        unsigned = b"v=1; a=%s; c=relaxed/relaxed;\n\td=%s;\n\ts=%s;\n\th=%s;\n\tbh=%s;\n\tb=" % (
            self.key.algorithm.encode("ascii"),
            self.domain.encode("ascii"),
            self.selector.encode("ascii"),
            hashed.names,
            hashed.body_hash,
        )
        signature = self.key.sign(hashed.fields + _FIELD + relaxed_value(unsigned))
        text = base64.b64encode(signature)
        return unsigned + b"\n\t".join([text[at : at + CHUNK] for at in range(0, len(text), CHUNK)])


def _joined(names: Sequence[str]) -> bytes:
    """Return the names with colons between them, on lines of their own where they are many."""
    lines: list[str] = []
    line = ""
    for name in names:
        if len(line) + len(name) + 1 > WIDTH - len("\th="):
            lines.append(line)
            line = ""
        line += name + ":"
    return "\n\t ".join([*lines, line])[:-1].encode("ascii")
