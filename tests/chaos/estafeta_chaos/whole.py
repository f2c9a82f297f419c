"""One delivered copy, held against what was sent and against the store: is it transformed, and wholly?

The transformation is undone: each of our links becomes the one that its token names, our pixels are taken
out. What is left has to be the body that was sent, byte for byte.
"""

import email.utils
import re
from collections.abc import Iterator
from functools import cached_property

from estafeta_chaos.letters import Draft
from estafeta_chaos.outcome import Arrival, Stored
from estafeta_core.links import Links
from estafeta_core.tokens import Kind, Token
from estafeta_testing.signatures import Records

_ONCE = ("From", "To", "Subject", "Date", "Message-ID", "X-MSFBL", "DKIM-Signature")
_OURS = ("x-msys", "x-estafeta")
_PIXELS = [Kind.INITIAL_OPEN, Kind.OPEN]


class Inspector:
    """Looks at the copies of one sandbox."""

    def __init__(self, links: Links, web: str, records: Records) -> None:
        self.links = links
        self.records = records
        base = re.escape(web).encode()
        self._click = re.compile(rb"%b/c/([\w-]+)" % base)
        source = rb"%b/o/([\w-]+)\.gif" % base
        self._pixel = re.compile(rb'<img border="0" width="1" height="1" alt="" src="%b">' % source)

    def faults(self, arrival: Arrival, draft: Draft, stored: Stored) -> Iterator[str]:
        """Yield what is wrong with the copy of one recipient, a sentence each."""
        yield from _Look(self, arrival, draft, stored).faults()

    def undone(self, body: bytes) -> tuple[bytes, list[Token | None], list[Token | None]]:
        """Return the body before it was transformed, and the tokens of its links and of its pixels."""
        clicks: list[Token | None] = []
        pixels: list[Token | None] = []

        def target(match: re.Match[bytes]) -> bytes:
            clicks.append(self.links.read(match[1].decode()))
            return clicks[-1].target if clicks[-1] is not None else match[0]

        def nothing(match: re.Match[bytes]) -> bytes:
            pixels.append(self.links.read(match[1].decode()))
            return b""

        return self._pixel.sub(nothing, self._click.sub(target, body)), clicks, pixels


class _Look:
    """A look at one copy."""

    def __init__(self, inspector: Inspector, arrival: Arrival, draft: Draft, stored: Stored) -> None:
        self._inspector = inspector
        self._copy = arrival.copy
        self._draft = draft
        self._stored = stored
        self._recipient = arrival.copy.delivered_to
        self._kind = draft.recipients[self._recipient]

    @cached_property
    def _id(self) -> int:
        """What its tokens name: copies that are alike share those of the transmission."""
        return self._stored.transmission_id if self._shared else self._stored.messages[self._recipient]

    @property
    def _shared(self) -> bool:
        return self._draft.letter.kind == "alike"

    def faults(self) -> Iterator[str]:
        yield from self._header()
        yield from self._envelope()
        yield from self._feedback()
        yield from self._offer()
        yield from self._lists()
        yield from self._body()
        yield from self._signature()

    def _header(self) -> Iterator[str]:
        names = [name.strip().lower() for name, _ in self._copy.headers]
        for name in _ONCE:
            if (count := names.count(name.lower())) != 1:
                yield f"it has {count} fields {name}"
        yield from (f"it shows {name}" for name in names if name.startswith(_OURS))

    def _envelope(self) -> Iterator[str]:
        token = self._inspector.links.read_bounce_address(self._copy.return_path)
        if token is None or (token.id, token.shared) != (self._id, self._shared):
            yield f"its envelope sender {self._copy.return_path} is not its own: {token}"

    def _feedback(self) -> Iterator[str]:
        for value in self._copy.values("X-MSFBL"):
            said = self._inspector.links.read_msfbl(value)
            recipient = "" if self._shared else self._recipient
            if said is None or (said.message_id, said.rcpt_to) != (self._id, recipient):
                yield f"its X-MSFBL is not its own: {said}"

    def _offer(self) -> Iterator[str]:
        values = self._copy.values("List-Unsubscribe")
        if len(values) != (0 if self._draft.transactional else 1):
            yield f"it has {len(values)} fields List-Unsubscribe"
        for value in values:
            tokens = [self._inspector.links.read(found) for found in re.findall(r"[:/]([\w-]+)>", value)]
            expected = Token(Kind.LIST_UNSUBSCRIBE, self._id)
            if tokens != [expected, expected]:
                yield f"its List-Unsubscribe is not its own: {tokens}"
        if len(self._copy.values("List-Unsubscribe-Post")) != len(values):
            yield "List-Unsubscribe and List-Unsubscribe-Post do not go together"

    def _lists(self) -> Iterator[str]:
        shown = {
            "Cc": [address for address, kind in self._draft.recipients.items() if kind == "cc"],
            "Bcc": [self._recipient] if self._kind == "bcc" else [],
        }
        for name, addresses in shown.items():
            expected = [(self._draft.name_of(address), address) for address in addresses]
            found = email.utils.getaddresses(self._copy.values(name))
            if found != expected:
                yield f"its {name} shows {found} instead of {expected}"

    def _body(self) -> Iterator[str]:
        draft = self._draft
        if not draft.tracked:
            if self._copy.body != draft.body:
                yield f"its body was changed: {_difference(self._copy.body, draft.body)}"
            return
        body, clicks, pixels = self._inspector.undone(self._copy.body)
        first = draft.rcpt_to[0] if self._kind == "archive" else self._recipient
        id_ = self._stored.messages[first]
        expected = [Token(Kind.CLICK, id_, target=target.encode()) for target in draft.targets]
        if clicks != expected:
            yield f"its links are not its own: {len(clicks)} of {len(expected)}, {_first(clicks, expected)}"
        if pixels != [Token(kind, id_) for kind in _PIXELS]:
            yield f"its pixels are not its own: {pixels}"
        if body != draft.body:
            yield f"it is not what was sent, transformed: {_difference(body, draft.body)}"

    def _signature(self) -> Iterator[str]:
        if self._inspector.records.dkimpy(self._copy.message) != [True]:
            yield "its signature does not verify"
        for value in self._copy.values("DKIM-Signature"):
            if f"s={self._draft.selector};" not in value.replace(" ", ""):
                yield f"another key than {self._draft.selector} signed it: {value}"


def _first(found: list[Token | None], expected: list[Token]) -> str:
    """Return the first pair that differs."""
    pairs = ((one, other) for one, other in zip(found, expected, strict=False) if one != other)
    return "first {} instead of {}".format(*next(pairs, (None, None)))


def _difference(found: bytes, expected: bytes) -> str:
    """Return where two bodies part."""
    at = next(
        (place for place, (one, other) in enumerate(zip(found, expected, strict=False)) if one != other),
        min(len(found), len(expected)),
    )
    return f"{len(found)} bytes instead of {len(expected)}, from {at} on {found[at : at + 60]!r}"
