"""A delivered copy, taken apart without the help of any mail library: fields and body, byte for byte."""

import re

from estafeta_core.headers import unfold
from estafeta_testing.sandbox import Delivered

_FIELD = re.compile(rb"([^\r\n:]*):([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)\r\n")
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

    @property
    def queue_id(self) -> str:
        """The queue id that the client was told; Postfix writes it into its own Received."""
        received = self.values("Received")[0]
        match = _QUEUED.search(received)
        assert match, received
        return match[1]
