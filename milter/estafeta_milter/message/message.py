"""`Message`: the value that rules read and handlers exchange.

A handler gets a message and returns another; nothing is changed in place. The tree of parts is
found once, when first asked for, and shared by every message that descends from the one
received, as are decoded texts. `with_headers` and its kin therefore must not change the
message's Content-* fields: those belong to the body, and `render` alone changes them.

The difference between the message received and the last one is cheap to see: fields nobody
changed are the same `Header` objects, and `rendered().body` is the same bytes object unless a
text was replaced.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Self

from estafeta_core.headers import Header
from estafeta_milter.message import transfer
from estafeta_milter.message.part import DEFAULT_BOUNDS, Bounds, Part, Unscannable
from estafeta_milter.message.render import render
from estafeta_milter.message.scanner import scan
from estafeta_milter.message.texts import is_inline_pgp, text_parts


class _Reading:
    """What has been found out about a body; shared by the messages that have it."""

    __slots__ = ("_decoded", "_structure")

    def __init__(self) -> None:
        self._structure: Part | Unscannable | None = None
        self._decoded: dict[str, bytes | None] = {}

    def structure(self, message: "Message") -> Part | Unscannable:
        """Return the tree of parts, scanning for it the first time."""
        if self._structure is None:
            self._structure = scan(message.headers, message.body, message.bounds)
        return self._structure

    def decoded(self, message: "Message", part: Part) -> bytes | None:
        """Return the content of `part` as it came, decoding it the first time."""
        if part.path not in self._decoded:
            raw = message.body[part.start : part.end]
            self._decoded[part.path] = transfer.decode(part.transfer_encoding, raw)
        return self._decoded[part.path]


@dataclass(frozen=True, slots=True)
class Message:
    """A message and its envelope."""

    sender: str
    """MAIL FROM without angle brackets; "" is the null sender."""
    recipients: tuple[str, ...]
    headers: tuple[Header, ...]
    body: bytes
    bounds: Bounds = DEFAULT_BOUNDS
    _texts: tuple[tuple[Part, bytes], ...] = field(default=(), repr=False)
    _reading: _Reading = field(default_factory=_Reading, repr=False, compare=False)

    @property
    def structure(self) -> Part | Unscannable:
        """The tree of parts, or why there is none."""
        return self._reading.structure(self)

    def decoded(self, part: Part) -> bytes | None:
        """Return the content of `part` without its transfer encoding, replaced or as it came.

        None: the encoding is unknown or broken, and the part must stay as it is.
        """
        for changed, content in self._texts:
            if changed.path == part.path:
                return content
        return self._reading.decoded(self, part)

    def text_parts(self) -> tuple[Part, ...]:
        """Return the parts that may be rewritten: see `texts`; all of them can be decoded."""
        root = self.structure
        if isinstance(root, Unscannable):
            return ()
        contents = [(part, self._reading.decoded(self, part)) for part in text_parts(root)]
        return tuple(part for part, text in contents if text is not None and not is_inline_pgp(text))

    def with_sender(self, sender: str) -> Self:
        """Return the message with another envelope sender."""
        return replace(self, sender=sender)

    def with_recipients(self, recipients: Iterable[str]) -> Self:
        """Return the message with other envelope recipients."""
        return replace(self, recipients=tuple(recipients))

    def with_headers(self, headers: Iterable[Header]) -> Self:
        """Return the message with other fields; keep the objects of those that stay."""
        return replace(self, headers=tuple(headers))

    def without_headers(self, names: Iterable[str]) -> Self:
        """Return the message without any field of these names, or itself if it has none."""
        keys = {name.lower() for name in names}
        kept = tuple(header for header in self.headers if header.key not in keys)
        return self if len(kept) == len(self.headers) else replace(self, headers=kept)

    def add_header(self, name: str, value: bytes) -> Self:
        """Return the message with one more field at the end."""
        return replace(self, headers=(*self.headers, Header(name, value)))

    def replace_text(self, part: Part, content: bytes) -> Self:
        """Return the message with another decoded content of `part`.

        Raises ValueError for a part that cannot be rewritten: see `text_parts`.
        """
        before = self._reading.decoded(self, part)
        if before is None or part.doubt:
            raise ValueError(f"part {part.path} cannot be rewritten")
        texts = tuple(text for text in self._texts if text[0].path != part.path)
        return replace(self, _texts=texts if content == before else (*texts, (part, content)))

    def rendered(self) -> Self:
        """Return the message with every replaced text in its body, or itself if there is none."""
        if not self._texts:
            return self
        headers, body = render(self.headers, self.body, self._texts)
        return replace(self, headers=headers, body=body, _texts=(), _reading=_Reading())
