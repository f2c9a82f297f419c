"""What a header block says about its part, and what in it is ambiguous.

Mail readers differ on a field given twice, on a parameter given twice (the first or the last
counts), on RFC 2231 forms of `boundary` and `charset`, and on multiparts with a transfer
encoding. A message must never be tracked in one reading and raw in another, so each such case
becomes a doubt, and a part in doubt is not rewritten. Nothing is guessed, nothing is raised.
"""

import functools
import re
from collections.abc import Iterable, Sequence

import msgspec

from estafeta_core.headers import Header
from estafeta_milter.message import file_names
from estafeta_milter.message.parameters import UNREADABLE, Parameters, parse

REMEMBERED, REMEMBERED_BYTES = 512, 1024  # header blocks, with the content fields of each: 1 MB at most
MAX_BOUNDARY = 900  # RFC 2046 allows 70; longer ones are met and read alike up to the line limit of 998

_KEYS = frozenset({"content-type", "content-transfer-encoding", "content-disposition", "content-id"})
_NAMING = ("content-disposition", "content-type")  # the fields that may name a file
_FIELD = re.compile(
    rb"^(content-(?:type|transfer-encoding|disposition|id)):([^\n]*(?:\n[ \t][^\n]*)*)",
    re.IGNORECASE | re.MULTILINE,
)
_TYPE = re.compile(r"[!#$%&'*+.^_`{|}~0-9a-z-]+/[!#$%&'*+.^_`{|}~0-9a-z-]+")
_FILE_NAME = re.compile(r"(?:file)?name(?:\*[0-9*]*)?")
_PLACES = frozenset({"", "inline", "attachment"})
_IDENTITY = frozenset({"", "7bit", "8bit", "binary"})


class Facts(msgspec.Struct, frozen=True, gc=False):
    """The content fields of one part."""

    content_type: str
    charset: str
    boundary: str
    transfer_encoding: str
    disposition: str
    named: bool
    file_name: str
    content_id: str
    doubt: str
    file_names: tuple[str, ...] = ()

    @property
    def descends(self) -> bool:
        """Whether the part is a multipart whose parts can be found by its boundary."""
        return self.boundary != "" and not self.doubt


_PLAIN = Facts("text/plain", "", "", "", "", named=False, file_name="", content_id="", doubt="")


def from_headers(headers: Iterable[Header]) -> Facts:
    """Read the facts of the message itself from its header fields."""
    return _read([(key, header.value) for header in headers if (key := header.key) in _KEYS], "text/plain")


def from_block(body: bytes, start: int, end: int, default: str = "text/plain") -> Facts:
    """Read the facts of the part whose header block is `body[start:end]`."""
    fields = [(match[1].decode("ascii").lower(), match[2]) for match in _FIELD.finditer(body, start, end)]
    return _read(fields, default)


def _read(fields: Sequence[tuple[str, bytes]], default: str) -> Facts:
    if not fields and default == "text/plain":
        return _PLAIN
    if sum([len(value) for _, value in fields]) > REMEMBERED_BYTES:
        return _facts(fields, default)
    return _remembered(tuple(fields), default)


@functools.lru_cache(maxsize=REMEMBERED)  # a program writes the same fields into every message
def _remembered(fields: tuple[tuple[str, bytes], ...], default: str) -> Facts:
    return _facts(fields, default)


def _facts(fields: Sequence[tuple[str, bytes]], default: str) -> Facts:
    raw = dict(reversed(fields))  # the first of each name, should one be repeated
    doubts = ["a content field given twice"] if len(raw) < len(fields) else []
    encoding = parse(raw.get("content-transfer-encoding", b""))
    kind = parse(raw["content-type"]) if "content-type" in raw else Parameters(default, (), "")
    place = parse(raw.get("content-disposition", b""))
    content_type = kind.head if _TYPE.fullmatch(kind.head) else ""
    doubts += [] if content_type else ["a Content-Type that cannot be read"]
    doubts += ["parameters of a transfer encoding"] if encoding.values else []
    doubts += [encoding.doubt, *_parameter_doubts(kind, place)]
    charset = _only(kind, "charset", doubts).strip().lower()
    boundary = _boundary(kind, encoding.head, doubts) if content_type.startswith("multipart/") else ""
    named = any(_FILE_NAME.fullmatch(name) for name, _ in (*kind.values, *place.values))
    file_name = file_names.read(place.values, kind.values) if named else ""
    names = file_names.readings([raw[key] for key in _NAMING if key in raw])
    doubts += [] if names is not None else [f"more than {file_names.MAX_NAMES} file names"]
    content_id = raw.get("content-id", b"").decode("latin-1").strip()
    doubt = next(filter(None, doubts), "")
    return Facts(
        content_type,
        charset,
        boundary,
        encoding.head,
        place.head,
        named,
        file_name,
        content_id,
        doubt,
        tuple(dict.fromkeys(filter(None, (file_name, *(names or ()))))),
    )


def _parameter_doubts(kind: Parameters, place: Parameters) -> list[str]:
    """Return the doubts of both fields that matter.

    A name that nobody could read leaves the bytes of a file as they are, and a file it stays.
    """
    doubts = [kind.doubt, place.doubt]
    is_text = kind.head.startswith("text/") and place.head != "attachment"
    is_file = not is_text and not kind.head.startswith("multipart/") and place.head in _PLACES
    return [doubt for doubt in doubts if doubt != UNREADABLE] if is_file else doubts


def _only(kind: Parameters, name: str, doubts: list[str]) -> str:
    """Return the one value of `name`; several different ones, or RFC 2231 forms, are a doubt."""
    if any(key.startswith(name + "*") for key, _ in kind.values):
        doubts.append(f"{name} in an RFC 2231 form")
    values = kind.named(name)
    if len({value.lower() if name == "charset" else value for value in values}) > 1:
        doubts.append(f"{name} given twice")
    return values[0] if values else ""


def _boundary(kind: Parameters, encoding: str, doubts: list[str]) -> str:
    """Return the boundary of a multipart, or "" with a doubt."""
    boundary = _only(kind, "boundary", doubts)
    if not boundary:
        doubts.append("a multipart without boundary")
    elif len(boundary) > MAX_BOUNDARY:
        doubts.append(f"a boundary over {MAX_BOUNDARY} bytes")
    elif not boundary.isascii() or not boundary.isprintable() or boundary.endswith(" "):
        doubts.append("a boundary with signs that no boundary has")
    if encoding not in _IDENTITY:
        doubts.append("a multipart with a transfer encoding")
    return boundary
