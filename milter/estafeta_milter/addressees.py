"""Address fields that the service writes: Cc for all copies, Bcc for one, To for a first recipient.

    mailbox = address / phrase "<" address ">"
    phrase  = atoms / quoted-string / 1*encoded-word        (RFC 5322 section 3.4, RFC 2047 section 5)

What is written is ASCII: names become encoded words in UTF-8, domains A-labels. A name that could be taken
for an address, or for encoded words, is encoded as well, and so is one with quotes: no reader has to know
how to unwrap it before it looks for addresses. Lines have at most 76 signs, but for a long address.

What a client wrote of its Cc stays byte for byte. Text that is not UTF-8 cannot be handed to Postfix by a
milter, so that it leaves in encoded words of the charset `unknown-8bit` (RFC 1428), each byte as it came.
"""

import base64
import itertools
import re
from collections.abc import Iterator, Sequence

from estafeta_core.addresses import a_label, mailbox_key
from estafeta_core.headers import Header, values
from estafeta_core.options import Addressee
from estafeta_milter.address_list import Token, is_closed, mailboxes, tokens
from estafeta_milter.message.message import Message

LIMIT = 59_000  # bytes of a generated field; Postfix cuts one of 60,000 where a milter is asked
LINE = 76  # signs of a line with encoded words (RFC 2047 section 2)
WORD_BYTES = 42  # what a word says: 68 signs with `=?utf-8?B?` and `?=`, so that `Bcc: ` has room before it

_FOLD = b"\n "
_ROOM = LINE - len("Bcc: ") - len(",")
_ATOMS = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?: [\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
_QUOTABLE = re.compile(r"[^\x00-\x1f\x7f-\U0010ffff\"\\@<>]+")


def ascii_address(address: str) -> str | None:
    """Return `address` with its domain in A-labels; None where its local part cannot be written in ASCII."""
    local, at, domain = address.rpartition("@")
    label = domain if domain.isascii() else a_label(domain)
    return f"{local}{at}{label}" if local.isascii() and label is not None else None


def mailbox(address: str, name: str = "") -> bytes:
    """Return an address with its friendly name, folded; ValueError where ASCII cannot say the address."""
    written, name = ascii_address(address), name.strip()
    if written is None:
        raise ValueError("an address outside ASCII in a header field")
    if not name:
        return written.encode()
    plain = _phrase(name)
    lines = [plain] if plain is not None else encoded_words(name.encode("utf-8", "replace"))
    angle = b"<%s>" % written.encode()
    gap = b" " if len(lines[-1]) + 1 + len(angle) <= _ROOM else _FOLD
    return _FOLD.join(lines) + gap + angle


def _phrase(name: str) -> bytes | None:
    """Return a name as it reads, in quotes where it needs them; None where it has to be encoded."""
    if "=?" in name or len(name) + 2 > _ROOM:
        return None
    if _ATOMS.fullmatch(name):
        return name.encode("ascii")
    return b'"%s"' % name.encode("ascii") if _QUOTABLE.fullmatch(name) else None


def encoded_words(text: bytes) -> list[bytes]:
    """Return the words for UTF-8, or for what is of no known charset; none ends inside a character."""
    charset = b"utf-8" if _is_utf8(text) else b"unknown-8bit"
    words, start = [], 0
    while start < len(text):
        end = min(start + WORD_BYTES, len(text))
        if charset == b"utf-8":
            while end < len(text) and text[end] & 0xC0 == 0x80:  # it goes on there
                end -= 1
        words.append(b"=?%s?B?%s?=" % (charset, base64.b64encode(text[start:end])))
        start = end
    return words


def cc(headers: Sequence[Header], addressees: Sequence[Addressee]) -> bytes:
    """Return the value of Cc for all copies: the client's own, and behind it each addressee it lacks.

    b"": it lacks none. Several fields of the client's become one. What has an open end, such as a quote,
    comes behind the addressees, which it would take in.
    """
    own = values(headers, "cc")
    seen = {found.key for value in own for found in mailboxes(value)}
    new: list[bytes] = []
    for each in addressees:
        key = mailbox_key(each.email)
        if key not in seen:
            seen.add(key)
            new.append(mailbox(each.email, each.name))
    if not new:
        return b""
    lists: dict[bool, list[bytes]] = {True: [], False: []}
    for value in own:
        lists[is_closed(value)].append(_in_utf8(value.strip()))
    return _joined([*lists[True], *new, *lists[False]])


def _joined(lists: Sequence[bytes]) -> bytes:
    """Return one list of several; an end that one of them has already is not written again."""
    *others, last = filter(None, lists)
    return b"".join(value + (_FOLD if value.endswith(b",") else b"," + _FOLD) for value in others) + last


def _in_utf8(value: bytes) -> bytes:
    """Return a list of the client's with what is not UTF-8 in encoded words."""
    if _is_utf8(value):
        return value
    runs = itertools.groupby(tokens(value), key=lambda token: token.kind)
    return b"".join(_run_in_utf8(value, kind, [*run]) for kind, run in runs)


def _run_in_utf8(value: bytes, kind: str, run: list[Token]) -> bytes:
    text = value[run[0].start : run[-1].end]
    if _is_utf8(text):
        return text
    core = text.strip(b' \t\r\n"<>()')
    before, _, behind = text.partition(core)
    words = _FOLD.join(encoded_words(core))
    # A word in quotes is text to a reader, and one in angle brackets an address.
    return words if kind in {"quoted", "angle"} else before + words + behind


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def with_field(message: Message, name: str, value: bytes) -> Message:
    """Return `message` with one field of this name: in the place of the first there is, or at the end."""
    fields = [header for header in message.headers if header.key == name.lower()]
    if not fields:
        return message.add_header(name, value)
    first = fields[0]
    return message.with_headers(_replaced(message.headers, first, Header(first.name.rstrip(), value)))


def _replaced(headers: Sequence[Header], first: Header, new: Header) -> Iterator[Header]:
    """Yield `headers` with `new` in the place of `first`, and no other of its name."""
    for header in headers:
        if header is first:
            yield new
        elif header.key != first.key:
            yield header
