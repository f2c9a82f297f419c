"""Which header fields a signature covers (RFC 6376 section 5.4).

Every instance of a covered field that stands in the message is signed. A field that readers are shown, or
that changes what they are shown, is signed once more than it stands there: whoever puts another one on top
breaks the signature ("oversigning", section 8.15).

Not covered are what hosts on the way add or take out (Received, Return-Path, Bcc), and what a recipient's own
system writes. Nor is a field that would break the signature, though it never was a field of RFC 5322:

- one with a form feed, a vertical tab or a CR of its own, which some verifiers take for white space;
- one with a line over 998 bytes, which smtp(8) will break.

From is covered even then, as it has to be.
"""

from collections.abc import Sequence

from estafeta_core.headers import Header
from estafeta_milter.dkim.canonical import has_other_space

# A field that stands more often is covered this many times, from the last one up. RFC 5322 section 3.6 wants
# one of each; a message may hold 50,000, and a signature that named them all would be cut.
INSTANCES = 10
LINE = 900  # bytes of a line that smtp(8) leaves alone, whatever the name in front of it

OVERSIGNED = (
    "From",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
)
# A second one beside the sender's own would lead somewhere else; where there is none, a mailing list on the
# way may add its own (RFC 2369, RFC 8058), and a forwarder its Sender.
OVERSIGNED_WHERE_PRESENT = (
    "Sender",
    "In-Reply-To",
    "References",
    "Content-Disposition",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
)
SIGNED = (
    "Content-ID",
    "Content-Description",
    "Content-Language",
    "Content-Location",
    "List-ID",
    "List-Help",
    "List-Subscribe",
    "List-Post",
    "List-Owner",
    "List-Archive",
    "Feedback-ID",  # Gmail reads it only where it is signed
    "X-MSFBL",
)
_ORDER = (*OVERSIGNED, *OVERSIGNED_WHERE_PRESENT, *SIGNED)
_NAMES = {name.lower(): name for name in _ORDER}
_ALWAYS = frozenset(OVERSIGNED)
_WHERE_PRESENT = frozenset(OVERSIGNED_WHERE_PRESENT)


def covered(headers: Sequence[Header]) -> tuple[list[str], list[Header]]:
    """Return the names for h=, and the fields in the order in which a verifier takes them.

    Of several fields of a name the last one comes first (RFC 6376 section 5.4.2).
    """
    found: dict[str, list[Header]] = {}
    for header in headers:
        name = _NAMES.get(header.key)
        if name is not None:
            found.setdefault(name, []).append(header)
    names: list[str] = []
    taken: list[Header] = []
    for name in _ORDER:
        instances = found.get(name)
        if instances is None:
            if name in _ALWAYS:
                names.append(name)
            continue
        if name != "From" and not all(map(_lasts, instances)):
            continue
        last = instances[: -INSTANCES - 1 : -1]
        names += [name] * len(last)
        taken += last
        if _is_oversigned(name, len(instances)):
            names.append(name)
    return names, taken


def _lasts(header: Header) -> bool:
    """Whether a field means the same to every verifier, and is left alone on the way."""
    value = header.value
    if has_other_space(value):
        return False
    return len(value) <= LINE or max(map(len, value.split(b"\n"))) <= LINE


def _is_oversigned(name: str, count: int) -> bool:
    if count > INSTANCES:  # one name more would mean an instance that is there
        return False
    return name in _ALWAYS or name in _WHERE_PRESENT
