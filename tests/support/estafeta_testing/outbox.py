"""A delivered copy, taken apart without the help of any mail library: fields and body, byte for byte."""

import re

from estafeta_core.headers import unfold
from estafeta_testing.sandbox import Delivered

_FIELD = re.compile(rb"([^\r\n:]*):([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)\r\n")
_HANDED_OVER = re.compile(r"from (\S+) \(unknown \[127\.0\.0\.1\]\) by \1 |by \S+ \(Postfix, from userid ")
_QUEUED = re.compile(r"by \S+ \([^)]*\) with \S+ id ([0-9A-Za-z]+)")


class Copy(Delivered):
    """One file of the outbox."""

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        """Names and raw values: folds kept, the space behind the colon gone."""
        fields = _FIELD.findall(self.header_block)
        return [(name.decode("latin-1"), value.removeprefix(b" ")) for name, value in fields]

    def values(self, name: str) -> list[str]:
        """Return every value of a field, each on one line; bytes that are not UTF-8 as surrogates."""
        return [
            unfold(value).decode("utf-8", "surrogateescape")
            for found, value in self.headers
            if found.strip().lower() == name.lower()
        ]

    def value(self, name: str) -> str:
        """Return the value of a field that is there once."""
        (value,) = self.values(name)
        return value

    def content(self, content_type: str) -> bytes | None:
        """Return the decoded content of the one leaf of a type, lines as they stand; "" is the raw body.

        None where there is no such leaf, or more than one.
        """
        if not content_type:
            return self.body
        leaves = [
            part
            for part in self.parsed().walk()
            if not part.is_multipart() and part.get_content_type() == content_type
        ]
        payload = leaves[0].get_payload(decode=True) if len(leaves) == 1 else None
        return payload if isinstance(payload, bytes) else None

    @property
    def queue_id(self) -> str:
        """The queue id that the client was told; Postfix writes it into its own Received.

        A copy that Postfix handed over to itself, or queued anew, has another Received above it.
        """
        received = next(hop for hop in self.values("Received") if not _HANDED_OVER.match(hop))
        match = _QUEUED.search(received)
        assert match, received
        return match[1]
