"""Which parts of a message are its bodies, which of them may be rewritten, and which may be tracked.

A body is a text/plain, text/html or text/x-amp-html part that mail readers show in the message rather
than as a file: by its disposition, and where it has none by its name and place, as JMAP decides it
(RFC 8621 section 4.1.4). Tracked are the first body of each type.

Nothing may be rewritten on the way to which there is a doubt, and nothing inside anything signed or
encrypted (RFC 1847), where each changed byte would break the signature. message/* parts are leaves
and calendar parts are no texts, so both stay as they came.
"""

from collections.abc import Iterator

from estafeta_milter.message.part import Part

TRACKABLE = frozenset({"text/html", "text/plain", "text/x-amp-html"})

_SEALED = frozenset({"multipart/signed", "multipart/encrypted"})
# Found beside a text when a gateway turned multipart/signed or /encrypted into multipart/mixed.
_SEALS = frozenset(
    {
        "application/pgp-encrypted",
        "application/pgp-signature",
        "application/pkcs7-mime",
        "application/pkcs7-signature",
        "application/x-pkcs7-mime",
        "application/x-pkcs7-signature",
    }
)
_INLINE_PGP = (b"-----BEGIN PGP SIGNED MESSAGE-----", b"-----BEGIN PGP MESSAGE-----")


def open_parts(root: Part) -> Iterator[tuple[Part, Part | None]]:
    """Yield each part that may be rewritten or taken out, and the multipart it stands in."""
    pending: list[tuple[Part, Part | None]] = [(root, None)]
    while pending:
        part, parent = pending.pop()
        if part.doubt or _sealed(part):
            continue
        yield part, parent
        pending.extend((child, part) for child in reversed(part.children))


def bodies(root: Part) -> tuple[Part, ...]:
    """Return every body that may be rewritten, in the order of the message."""
    return tuple(part for part, parent in open_parts(root) if is_body(part, parent))


def text_parts(root: Part) -> tuple[Part, ...]:
    """Return the parts to track, one of each type at most, in the order of the message."""
    return first_of_each(bodies(root))


def first_of_each(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Return the first part of each type."""
    found: dict[str, Part] = {}
    for part in parts:
        found.setdefault(part.content_type, part)
    return tuple(found.values())


def is_body(part: Part, parent: Part | None) -> bool:
    """Whether readers show `part`, which stands in the multipart `parent`, as text of the message."""
    if part.content_type not in TRACKABLE or part.disposition == "attachment":
        return False
    if part.disposition == "inline" or not part.named or parent is None:
        return True
    # Some programs name every part. Where a text is expected, it is one all the same.
    return parent.content_type == "multipart/alternative" or part is parent.children[0]


def is_attachment(part: Part) -> bool:
    """Whether the fields of `part` alone say that it is a file."""
    return part.disposition == "attachment" or (part.named and part.disposition != "inline")


def is_inline_pgp(text: bytes) -> bool:
    """Whether the decoded `text` is signed or encrypted by inline PGP (RFC 4880 section 6.2)."""
    return any(mark in text for mark in _INLINE_PGP)


def _sealed(part: Part) -> bool:
    return part.content_type in _SEALED or any(child.content_type in _SEALS for child in part.children)
