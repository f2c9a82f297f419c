"""Addresses: who a From header shows, which domain that is, and what may stand in an envelope.

From is parsed for one question only: could any mail program show another address than we do? Where
one could, there is no answer and the message is refused. So exactly one field and exactly one
mailbox are taken, in the forms that every program reads alike:

    address                     news@acme.example
    name <address>              News <news@acme.example>, "News, Inc." <news@acme.example>
    either with comments        news@acme.example (News)

with a dot-atom before the `@` and a domain name after it (RFC 5322 section 3.4 without the obsolete
forms, groups, routes, quoted local parts and address literals), in ASCII or UTF-8 (RFC 6532). A name
may not hold what looks like an address unless it is quoted.

The parser is one pass over the value and never looks back: no input makes it slow.
"""

import functools
import re
import unicodedata
from collections.abc import Sequence

import email_validator

from estafeta_core import rfc2047
from estafeta_core.headers import Header, unfold

FROM_LIMIT = 4096  # bytes; the longest address has 254, and the rest is a name
ADDRESS_LIMIT = 254  # signs, and bytes (RFC 5321 section 4.5.3.1.3)
COMMENT_DEPTH = 5  # nested comments; nobody writes two
# Addresses whose syntax is remembered. Each is asked about several times while a message passes, and seldom
# again: more than messages in hand have would only be memory. About 4 MB when full of long ones.
ADDRESS_CACHE = 16_384

# Estafeta relays for its operator, who may well run .local, .internal or .test; whether a name can be
# reached is found out by Postfix. The library documents this list as its users' to change.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()

# Domains that are their own A-labels beyond doubt, as nearly all are. The library takes a hundred times as
# long to say so, which is most of what it costs to read an account; of anything else it decides.
A_LABELS_LIMIT = 200  # signs; up to 253 are allowed
_A_LABELS = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z])?")

_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_PHRASE = re.compile(r'[^\x00-\x20\x7f()<>@,:;\\"]+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ANGLE = re.compile(r"<([^\s()<>,:;\\\"]*)>")
_BARE = re.compile(r"[^\s()<>,:;\\\"]*@[^\s()<>,:;\\\"]*")
_ESCAPED = re.compile(r"\\(.)")
_COMMA = re.compile(",")
_SPACE = re.compile(r"[ \t]+")
_COMMENT_STEP = re.compile(r"[^()\\]+|\\.|[()]")

# An address is valid when both its parts are; these two need not be looked at together for their lengths.
_PLAIN_LOCAL_PART = re.compile(
    r"(?=.{1,64}\Z)[A-Za-z0-9_!#$%&'*+\-/=?^`{|}~]+(?:\.[A-Za-z0-9_!#$%&'*+\-/=?^`{|}~]+)*"
)
_PLAIN_DOMAIN = 180  # signs

_AT_DOMAIN = re.compile(r"@\s*([\w-]+(?:[.\u3002][\w-]+)+)")
_OVERRIDES = re.compile("[\u202d\u202e]")  # they make moc.mitciv@ look like @victim.com
# Signs that show nothing (Unicode's Default_Ignorable_Code_Point, and control characters, which encoded
# words may bring in): between @ and a domain they hide it from us and from nobody else.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f"
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_ROUTING = frozenset("%!")  # alice%victim.com@ and victim.com!alice@: old relays read another domain


def mailbox_of_from(headers: Sequence[Header]) -> str | None:
    """Return the one address that every reader of From sees, as it is written; None when there is none.

    `From :` with a space is a From to some readers and not to others, so it is refused as well.
    """
    fields = [header for header in headers if header.key == "from"]
    if len(fields) != 1 or fields[0].name.lower() != "from":
        return None
    return _mailbox(fields[0].value) if len(fields[0].value) <= FROM_LIMIT else None


def mailboxes(headers: Sequence[Header], name: str) -> tuple[str, ...] | None:
    """Return the addresses of every field called `name` (lower case), in the forms that From may have.

    None when readers might see another address; () when there is no such field or it is empty.
    """
    found: list[str] = []
    for header in headers:
        if header.key != name:
            continue
        addresses = _mailboxes(header.value) if len(header.value) <= FROM_LIMIT else None
        if addresses is None:
            return None
        found += addresses
    return tuple(found)


def _mailbox(value: bytes) -> str | None:
    found = _mailboxes(value)
    return found[0] if found is not None and len(found) == 1 else None


@functools.lru_cache(maxsize=4096)  # an application has few senders and many messages
def _mailboxes(value: bytes) -> tuple[str, ...] | None:
    try:
        text = unfold(value).decode()
    except UnicodeDecodeError:
        return None  # readers guess at charsets, and some have `\` or `@` inside a character
    if _CONTROLS.search(text):
        return None
    parsed = _parse(text)
    if parsed is None:
        return None
    for address, shown in parsed:
        domain = domain_of(address)
        if domain is None or _ROUTING & set(address) or _shows_another(shown, domain):
            return None
    return tuple(address for address, _ in parsed)


def _parse(text: str) -> list[tuple[str, str]] | None:
    """Return each address and whatever else is shown beside it; None when `text` is of no plain form."""
    found: list[tuple[str, str]] = []
    address: str | None = None
    shown: list[str] = []
    position = 0
    while position < len(text):
        kind, token, position = _token(text, position)
        if kind == "aside" or (kind == "name" and address is None):
            shown.append(token)
        elif address is None and (kind == "angle" or (kind == "bare" and not "".join(shown).strip())):
            address = token
        elif kind == "comma" and address is not None:
            found.append((address, _ESCAPED.sub(r"\1", "".join(shown))))
            address, shown = None, []
        else:
            return None  # a second address, text after the address, or what no grammar knows
    if address is not None:
        found.append((address, _ESCAPED.sub(r"\1", "".join(shown))))
    elif found or "".join(shown).strip():
        return None  # a comma with nothing behind it, or a name without an address
    return found


def _token(text: str, position: int) -> tuple[str, str, int]:
    """Return kind, content and end of the token at `position`.

    Kinds: `angle` and `bare` addresses, `name` (a word or quoted string), `aside` (white space or a
    comment, which may stand anywhere), `comma`, and `fault`.
    """
    if text[position] == "(":
        end = _comment_end(text, position)
        return ("fault", "", len(text)) if end is None else ("aside", text[position:end], end)
    for kind, pattern in _TOKENS:
        match = pattern.match(text, position)
        if match:
            return kind, match.group(match.lastindex or 0), match.end()
    return "fault", "", len(text)


_TOKENS = (
    ("aside", _SPACE),
    ("name", _QUOTED),
    ("angle", _ANGLE),
    ("bare", _BARE),
    ("name", _PHRASE),
    ("comma", _COMMA),
)


def _comment_end(text: str, position: int) -> int | None:
    """Return where the comment that starts at `position` ends; None when it does not, or is too deep."""
    depth = 0
    for match in _COMMENT_STEP.finditer(text, position):
        if match.group() == "(":
            depth += 1
        elif match.group() == ")":
            depth -= 1
        if depth == 0:
            return match.end()
        if depth > COMMENT_DEPTH:
            return None
    return None


def _shows_another(shown: str, domain: str) -> bool:
    """Return whether name or comments show an address of another domain, plainly or once decoded.

    Phones show the name alone, some readers decode encoded words before they look for `<`, and some decode
    words of which we can make nothing.
    """
    for text in {shown, rfc2047.decode(shown), rfc2047.lenient(shown)}:
        plain = unicodedata.normalize("NFKC", text)  # a fullwidth @ is an @ to the eye
        if _OVERRIDES.search(plain):
            return True
        visible = _INVISIBLE.sub("", plain)
        if any(a_label(match.group(1)) != domain for match in _AT_DOMAIN.finditer(visible)):
            return True
    return False


def is_address(address: str, *, smtputf8: bool = True) -> bool:
    """Return whether `address` is one that mail can be sent to or come from, judged by its syntax.

    Dot-atom before the `@`, a domain name with at least one dot after it, at most 64 and 254 bytes (RFC
    5321 section 4.5.3.1). Neither quoted local parts nor address literals: no mailbox of an application's
    recipients has them, and both have been used to get past relays. Nor a `-` in front, which Postfix takes
    for an option of a command and refuses (postconf(5), allow_min_user).
    """
    if address.startswith("-") or domain_of(address) is None:
        return False
    return smtputf8 or address.rpartition("@")[0].isascii()


def domain_of(address: str) -> str | None:
    """Return the domain of `address` in lower-case A-labels; None when it is no address."""
    return _domain_of(address) if len(address) <= ADDRESS_LIMIT else None


def mailbox_key(address: str) -> str:
    """Return the form a recipient is known by: lower case, the domain in A-labels.

    A suppression must hold for every spelling of the same mailbox.
    """
    domain = domain_of(address)
    return address.lower() if domain is None else f"{address.rpartition('@')[0].lower()}@{domain}"


# What is too long is told apart before the cache: clients choose what is remembered here, not how much.
@functools.lru_cache(maxsize=ADDRESS_CACHE)
def _domain_of(address: str) -> str | None:
    local_part, _, domain = address.rpartition("@")
    if len(domain) <= _PLAIN_DOMAIN and domain.isascii() and _PLAIN_LOCAL_PART.fullmatch(local_part):
        return a_label(domain)  # remembered for all who are there: a tenth of the time
    found = _validated(address)
    return None if found is None else found.ascii_domain.lower()


@functools.lru_cache(maxsize=4096)
def a_label(domain: str) -> str | None:
    """Return `domain` in lower-case A-labels (RFC 5890), the one spelling domains are compared in."""
    if len(domain) <= A_LABELS_LIMIT and "--" not in domain and _A_LABELS.fullmatch(domain):
        return domain
    found = _validated("postmaster@" + domain) if "@" not in domain else None
    return None if found is None else found.ascii_domain.lower()


def _validated(address: str) -> email_validator.ValidatedEmail | None:
    try:
        return email_validator.validate_email(
            address, allow_smtputf8=True, check_deliverability=False, strict=True
        )
    except email_validator.EmailNotValidError:
        return None
