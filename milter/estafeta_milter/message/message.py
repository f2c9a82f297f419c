"""`Message`: the value that rules read and handlers exchange.

A handler gets a message and returns another; nothing is changed in place. The tree of parts is
found once, when first asked for, and shared by every message that descends from the one
received, as are decoded texts. `with_headers` and its kin therefore must not change the
message's Content-* fields: those belong to the body, and `render` alone changes them.

The difference between the message received and the last one is cheap to see: fields nobody
changed are the same `Header` objects, and `rendered().body` is the same bytes object unless a
text was replaced.
"""

from collections.abc import Iterable, Mapping
from typing import Self

import msgspec
from msgspec.structs import replace

from estafeta_core.headers import Header
from estafeta_milter.message import texts, transfer
from estafeta_milter.message.cuts import cuts
from estafeta_milter.message.part import DEFAULT_BOUNDS, Bounds, Part, Unscannable
from estafeta_milter.message.render import Text, render
from estafeta_milter.message.scanner import scan
from estafeta_milter.message.splice import Edit


class _Reading:
    """What has been found out about a body; shared by the messages that have it, equal in all of them."""

    __slots__ = ("_bodies", "_decoded", "_structure")

    def __init__(self) -> None:
        self._structure: Part | Unscannable | None = None
        self._decoded: dict[str, bytes | None] = {}
        self._bodies: tuple[Part, ...] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reading)

    def __hash__(self) -> int:
        return 0

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

    def bodies(self, message: "Message") -> tuple[Part, ...]:
        """Return the bodies that may be rewritten and can be decoded, looking for them the first time."""
        if self._bodies is None:
            root = self.structure(message)
            found = () if isinstance(root, Unscannable) else texts.bodies(root)
            contents = [(part, self.decoded(message, part)) for part in found]
            self._bodies = tuple(
                part for part, text in contents if text is not None and not texts.is_inline_pgp(text)
            )
        return self._bodies


class Message(msgspec.Struct, frozen=True):
    """A message and its envelope; a Struct, because one is made for every change."""

    sender: str
    """MAIL FROM without angle brackets; "" is the null sender."""
    recipients: tuple[str, ...]
    headers: tuple[Header, ...]
    body: bytes
    bounds: Bounds = DEFAULT_BOUNDS
    _texts: Mapping[str, Text] = {}  # by path; never changed in place
    _removed: frozenset[str] = frozenset()
    _cuts: tuple[Edit, ...] = ()  # that take out what is removed
    _reading: _Reading = msgspec.field(default_factory=_Reading)

    @property
    def structure(self) -> Part | Unscannable:
        """The tree of parts, or why there is none."""
        return self._reading.structure(self)

    def decoded(self, part: Part) -> bytes | None:
        """Return the content of `part` without its transfer encoding, replaced or as it came.

        None: the encoding is unknown or broken, and the part must stay as it is.
        """
        changed = self._texts.get(part.path)
        return changed.content if changed else self._reading.decoded(self, part)

    def bodies(self) -> tuple[Part, ...]:
        """Return every body that may be rewritten, see `texts`, with the charset it has now."""
        found = self._reading.bodies(self)
        if not self._texts and not self._removed:
            return found
        return tuple(self._now(part) for part in found if not self._is_removed(part.path))

    def text_parts(self) -> tuple[Part, ...]:
        """Return the first body of each type: what is tracked."""
        return texts.first_of_each(self.bodies())

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

    def replace_text(self, part: Part, content: bytes, charset: str = "") -> Self:
        """Return the message with another decoded content of `part`, and of another charset if one is named.

        Raises ValueError for a part that cannot be rewritten: see `bodies`.
        """
        before = self._reading.decoded(self, part)
        if before is None or part.doubt or self._is_removed(part.path):
            raise ValueError(f"part {part.path} cannot be rewritten")
        earlier = self._texts.get(part.path)
        charset = charset or (earlier.charset if earlier else "")
        changed = {path: text for path, text in self._texts.items() if path != part.path}
        if charset or content != before:
            changed[part.path] = Text(part, content, charset)
        return replace(self, _texts=changed)

    def without_parts(self, paths: Iterable[str]) -> Self:
        """Return the message without the parts at `paths` and all inside them; see `cuts` for what stays.

        Raises ValueError for a part that may not be taken out, and when none would be left.
        """
        removed = self._removed.union(paths)
        root = self.structure
        there = set() if isinstance(root, Unscannable) else {part.path for part, _ in texts.open_parts(root)}
        if isinstance(root, Unscannable) or not removed <= there:
            raise ValueError(f"parts {sorted(removed - there)} cannot be taken out")
        changed = replace(self, _removed=removed, _cuts=tuple(cuts(root, removed)))
        kept = {path: text for path, text in self._texts.items() if not changed._is_removed(path)}
        return replace(changed, _texts=kept)

    def rendered(self) -> Self:
        """Return the message with every change in its body, or itself if there is none."""
        if not self._texts and not self._removed:
            return self
        headers, body = render(self.headers, self.body, self._texts.values(), self._cuts)
        return type(self)(self.sender, self.recipients, headers, body, self.bounds)

    def _now(self, part: Part) -> Part:
        changed = self._texts.get(part.path)
        return replace(part, charset=changed.charset) if changed and changed.charset else part

    def _is_removed(self, path: str) -> bool:
        while path and path not in self._removed:
            path = path.rpartition(".")[0]
        return path != ""
