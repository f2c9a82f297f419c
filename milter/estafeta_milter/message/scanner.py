"""The MIME scanner: (top-level headers, body) -> a tree of offsets, one pass, nothing copied.

Grammar: RFC 2046 section 5.1.1. A delimiter is a line `--boundary` or `--boundary--`, followed
by white space only. It belongs to the innermost open multipart with that boundary and ends
everything inside it. Line ends are CRLF as SMTP has them; LF alone is understood too.
`message/*` parts are leaves.

Only lines that begin with "--" and what all open boundaries have in common are ever looked
at; they are found by `bytes.find`, compared by one `startswith` with all open boundaries and
one dictionary look-up, so time grows with the body, not with body times depth.

Nothing is raised. Past a bound the result is `Unscannable`. Where readers differ (a line that
only begins like a boundary, a boundary used twice, delimiters after the last one, header
blocks that are not) the message's root carries the doubt, and nothing in it is rewritten.
"""

import re
from collections.abc import Collection, Sequence

from estafeta_core.dialects.base import NO_CONTENT
from estafeta_core.headers import Header
from estafeta_milter.message.fields import MAX_BOUNDARY, Facts, from_block, from_headers
from estafeta_milter.message.part import DEFAULT_BOUNDS, Bounds, Part, Unscannable

_MAX_DELIMITER = MAX_BOUNDARY + 1000  # the boundary and its transport padding; a line is 1000 at most
# A header block: fields with their continuation lines. A name ends at its colon without space, a line
# of only spaces ends the block for some readers, and a line that may be a delimiter (a boundary may
# hold a colon) is one: none of them is part of a block. Groups are not repeated possessively anywhere in
# this package: Python before 3.11.5 keeps what a failed repetition consumed (gh-106052).
_BLOCK = re.compile(rb"(?:(?!--)[!-9;-~]++:[^\n]*+\n(?:[ \t]++[^ \t\r\n][^\n]*+\n)*)*")


class _PastBoundError(Exception):
    """A bound was passed; its text is the reason. It never leaves this module."""


class _Draft:
    """A part whose end is not known yet."""

    __slots__ = ("children", "closed", "doubt", "facts", "header_end", "header_start", "path", "start")

    def __init__(self, path: str, facts: Facts, header_start: int, header_end: int, start: int) -> None:
        self.path = path
        self.facts = facts
        self.header_start = header_start
        self.header_end = header_end
        self.start = start
        self.children: list[Part] = []
        self.closed = False
        self.doubt = facts.doubt

    def finish(self, end: int) -> Part:
        """Return the part, now that its content is known to end at `end`."""
        least = self.children[-1].end if self.children else self.start
        if end < least:
            # The delimiter follows the header block, or that of the last part in it, at once: there is no
            # line for a content.
            self.doubt = self.doubt or NO_CONTENT
            end = least
        facts = self.facts
        return Part(
            self.path,
            facts.content_type,
            facts.charset,
            facts.boundary,
            facts.transfer_encoding,
            facts.disposition,
            facts.named,
            facts.file_name,
            facts.content_id,
            self.header_start,
            self.header_end,
            self.start,
            end,
            tuple(self.children),
            self.doubt,
            facts.file_names,
        )


def scan(headers: Sequence[Header], body: bytes, bounds: Bounds = DEFAULT_BOUNDS) -> Part | Unscannable:
    """Return the tree of the message, or why it was not scanned."""
    try:
        if len(headers) > bounds.header_count:
            raise _PastBoundError(f"more than {bounds.header_count} header fields")
        if sum([len(header.value) for header in headers]) > bounds.header_bytes:
            raise _PastBoundError(f"more than {bounds.header_bytes} bytes of header fields")
        root = _Draft("1", from_headers(headers), 0, 0, 0)
        if not root.facts.descends:
            return root.finish(len(body))
        return _Scan(root, body, bounds).run()
    except _PastBoundError as past:
        return Unscannable(str(past))


class _Scan:
    """One pass over one body."""

    def __init__(self, root: _Draft, body: bytes, bounds: Bounds) -> None:
        self._root = root
        self._body = body
        self._bounds = bounds
        self._frames: list[_Draft] = []  # the open multiparts, outermost first
        self._depths: dict[bytes, int] = {}  # boundary -> its place in _frames
        self._prefixes: tuple[bytes, ...] = ()  # the same boundaries, for startswith
        self._needle = b""
        self._seen: set[bytes] = set()
        self._leaf: _Draft | None = None
        self._parts = 1

    def run(self) -> Part:
        """Return the root of the tree."""
        self._enter(self._root)
        line = 0 if self._body.startswith(b"--") else self._next(0)
        looked_at = 0
        while line >= 0:
            looked_at += 1
            if looked_at > self._bounds.delimiter_lines:
                raise _PastBoundError(f"more than {self._bounds.delimiter_lines} delimiter-like lines")
            line = self._next(self._look(line))
        if self._body.find(b"\r--" + _common(self._seen)) >= 0:
            # A reader that takes a lone CR for a line end may see a delimiter there.
            self._distrust("a delimiter after a bare CR")
        return self._unwind(0, len(self._body)).finish(len(self._body))

    def _next(self, start: int) -> int:
        """Return the next line that may be a delimiter, searching from the line end at `start`, or -1."""
        found = self._body.find(self._needle, start)
        return found + 1 if found >= 0 else -1

    def _look(self, line: int) -> int:
        """Handle the line at `line`, which begins with "--"; return where to search on."""
        body, token = self._body, line + 2
        if not body.startswith(self._prefixes, token):
            return line
        end = body.find(b"\n", token, token + _MAX_DELIMITER)
        if end < 0:
            end = min(len(body), token + _MAX_DELIMITER)
        text = body[token:end].rstrip(b" \t\r")
        depth, closing = self._depths.get(text), False
        if depth is None and text.endswith(b"--"):
            depth, closing = self._depths.get(text[:-2]), True
        if depth is None:
            self._distrust("a line that only begins like a boundary")
            return line
        self._delimit(depth, line, closing=closing)
        if not closing:
            self._open_part(min(end + 1, len(body)))
        return end

    def _delimit(self, depth: int, line: int, *, closing: bool) -> None:
        """End what is open inside the multipart at `depth`; the delimiter begins at `line`."""
        end = max(0, line - 1)
        if end and self._body[end - 1] == 0x0D:
            end -= 1
        frame = self._unwind(depth, end)
        if frame.closed:
            self._distrust("a delimiter after the closing delimiter")
        frame.closed = frame.closed or closing

    def _unwind(self, depth: int, end: int) -> _Draft:
        """Finish every part inside the multipart at `depth` and return that multipart."""
        frames = self._frames
        if self._leaf is not None:
            frames[-1].children.append(self._leaf.finish(end))
            self._leaf = None
        if len(frames) > depth + 1:
            while len(frames) > depth + 1:
                inner = frames.pop().finish(end)
                frames[-1].children.append(inner)
            self._know_boundaries()
        return frames[depth]

    def _open_part(self, start: int) -> None:
        """Begin the part whose header block begins at `start`."""
        self._parts += 1
        if self._parts > self._bounds.parts:
            raise _PastBoundError(f"more than {self._bounds.parts} parts")
        body, parent, bounds = self._body, self._frames[-1], self._bounds
        limit = start + bounds.header_bytes
        block = _BLOCK.match(body, start, limit)
        header_end = block.end() if block else start
        if limit < len(body) and body.find(b"\n", header_end, limit) < 0:
            raise _PastBoundError(f"more than {bounds.header_bytes} bytes of part header")
        if body.count(b"\n", start, header_end) > bounds.header_count:
            raise _PastBoundError(f"more than {bounds.header_count} lines of part header")
        default = "message/rfc822" if parent.facts.content_type == "multipart/digest" else "text/plain"
        facts = from_block(body, start, header_end, default)
        path = f"{parent.path}.{len(parent.children) + 1}"
        self._enter(_Draft(path, facts, start, header_end, self._content_start(header_end)))

    def _content_start(self, header_end: int) -> int:
        """Return where the content begins after a header block that ends at `header_end`."""
        if self._body.startswith(b"\r\n", header_end):
            return header_end + 2
        if self._body.startswith(b"\n", header_end):
            return header_end + 1
        return header_end

    def _enter(self, draft: _Draft) -> None:
        """Make `draft` the part that the next lines belong to."""
        if draft is not self._root and draft.start == draft.header_end:
            draft.doubt = draft.doubt or "a header block without an empty line"
        if not draft.facts.descends:
            self._leaf = draft
            return
        boundary = draft.facts.boundary.encode("ascii")
        if boundary in self._seen:
            self._distrust("a boundary used twice")
            self._leaf = draft
            return
        if boundary.startswith(self._prefixes) or any(known.startswith(boundary) for known in self._prefixes):
            self._distrust("a boundary that begins with another")
        self._seen.add(boundary)
        self._frames.append(draft)
        if len(self._frames) > self._bounds.depth:
            raise _PastBoundError(f"more than {self._bounds.depth} multiparts inside each other")
        self._know_boundaries()

    def _know_boundaries(self) -> None:
        """Learn again which boundaries are open and what they have in common."""
        self._prefixes = tuple([frame.facts.boundary.encode("ascii") for frame in self._frames])
        self._depths = {boundary: depth for depth, boundary in enumerate(self._prefixes)}
        self._needle = b"\n--" + _common(self._prefixes)

    def _distrust(self, reason: str) -> None:
        self._root.doubt = self._root.doubt or reason


def _common(boundaries: Collection[bytes]) -> bytes:
    """Return what all `boundaries` begin with."""
    low, high = min(boundaries, default=b""), max(boundaries, default=b"")
    shared = 0
    while shared < len(low) and low[shared] == high[shared]:
        shared += 1
    return low[:shared]
