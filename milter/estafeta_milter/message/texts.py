"""Which parts of a message may be tracked.

The first text/html, the first text/plain and the first text/x-amp-html that are bodies: no
attachment, no doubt on the way to them, and not inside anything signed or encrypted (RFC 1847),
where each changed byte would break the signature. message/* parts are leaves and calendar parts
are no texts, so both stay as they came.
"""

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


def text_parts(root: Part) -> tuple[Part, ...]:
    """Return the parts to track, one of each type at most, in the order of the message."""
    found: dict[str, Part] = {}
    pending = [root]
    while pending:
        part = pending.pop()
        if part.doubt or _sealed(part):
            continue
        if part.content_type in TRACKABLE and not is_attachment(part):
            found.setdefault(part.content_type, part)
        pending.extend(reversed(part.children))
    return tuple(found.values())


def is_attachment(part: Part) -> bool:
    """Whether mail readers show `part` as a file rather than as text."""
    return part.disposition == "attachment" or (part.named and part.disposition != "inline")


def is_inline_pgp(text: bytes) -> bool:
    """Whether the decoded `text` is signed or encrypted by inline PGP (RFC 4880 section 6.2)."""
    return any(mark in text for mark in _INLINE_PGP)


def _sealed(part: Part) -> bool:
    return part.content_type in _SEALED or any(child.content_type in _SEALS for child in part.children)
