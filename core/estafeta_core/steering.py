"""Control headers of one message: what they say, and what its sender should know about them.

Values are read as people mean them: unfolded, encoded words decoded (RFC 2047), without the white space
around them. A header that holds one value and is given twice counts once, the first time.

What is asked for and cannot be done is one of two things. Where the recipient would notice, the message is
refused. Where only the sender would miss something, the message goes, and a notice says what was left out.

Raises RefusedError.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

from estafeta_core import json_header, json_strict, rfc2047
from estafeta_core.headers import Header, unfold
from estafeta_core.refusal import Refusal, RefusedError

NOTICES = 10  # of one message: each is an event for each recipient
SHOWN = 40  # characters of what a client wrote, in a notice: enough to recognise it
SWITCH: Mapping[str, bool] = MappingProxyType(
    dict.fromkeys(("yes", "true", "on", "y", "1"), True)
    | dict.fromkeys(("no", "false", "off", "n", "0"), False)
)
_NOTHING = frozenset({"", "none", *(word for word, asks in SWITCH.items() if not asks)})

_T = TypeVar("_T")


def refused(text: str) -> RefusedError:
    """Return what ends the reading with a refusal of the message's content."""
    return RefusedError(Refusal(550, "5.6.0", text))


def shown(text: str) -> str:
    """Return what a notice shows of a client's text."""
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}...")


class Asked:
    """The control headers of one message; names are given as the provider writes them."""

    def __init__(self, headers: Iterable[Header], names: Collection[str], prefixes: tuple[str, ...]) -> None:
        self._notices: dict[str, None] = {}  # each once, in their order
        self._values: dict[str, list[bytes]] = {}
        self._written: dict[str, str] = {}
        for header in headers:
            if header.name[:1] in "xX" and ((key := header.key) in names or key.startswith(prefixes)):
                self._values.setdefault(key, []).append(header.value)
                self._written.setdefault(key, header.name.strip())

    @property
    def notices(self) -> tuple[str, ...]:
        """What the sender should know, as far as it is told."""
        return tuple(self._notices)[:NOTICES]

    def notice(self, text: str) -> None:
        """Have the sender know `text`."""
        self._notices[text] = None

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._values

    def texts(self, name: str) -> list[str]:
        """Return the values of every header called `name`."""
        return [_text(name, value) for value in self._values.get(name.lower(), ())]

    def text(self, name: str) -> str:
        """Return the value of the header called `name`; "" where there is none."""
        found = self.texts(name)
        if len(set(found)) > 1:
            self.notice(f"{name} is given {len(found)} times; the first one counts")
        return found[0] if found else ""

    def word(self, name: str, words: Mapping[str, _T], default: _T) -> _T:
        """Return what the header called `name` means by one of `words`; `default`: by none."""
        if name not in self or not (text := self.text(name)):
            return default
        if text.lower() not in words:
            self.notice(f"{name}: {shown(text)} is none of {', '.join(words)}; the default holds")
            return default
        return words[text.lower()]

    def switch(self, name: str, default: bool) -> bool:
        """Return whether the header called `name` says yes."""
        return self.word(name, SWITCH, default)

    def named(self, prefix: str) -> dict[str, str]:
        """Return the values of all headers whose names begin so, by what follows in the name as written."""
        found = (key for key in self._values if key.startswith(prefix.lower()))
        return {self._written[key][len(prefix) :]: self.text(self._written[key]) for key in found}

    def object(self, name: str) -> dict[str, Any]:
        """Return the JSON object that the first header called `name` holds; {} where there is none."""
        values = self._values.get(name.lower(), [])
        if len(set(values)) > 1:
            self.notice(f"{name} is given {len(values)} times; the first one counts")
        return parsed(name, values[0]) if values else {}

    def objects(self, name: str) -> list[dict[str, Any]]:
        """Return the JSON objects of every header called `name`."""
        return [parsed(name, value) for value in self._values.get(name.lower(), ())]

    def refuse(self, names: Mapping[str, str]) -> None:
        """Refuse the message if one of the headers in `names` asks for anything, for the reason beside it."""
        for name, reason in names.items():
            if self._asks(name):
                raise refused(f"{name} is not supported: {reason}")

    def leave_out(self, names: Mapping[str, str]) -> None:
        """Have the sender know of each header in `names` that asks for something, in the words beside it."""
        for name, text in names.items():
            if self._asks(name):
                self.notice(f"{name} is not supported: {text}")

    def leave_unknown(self, prefixes: tuple[str, ...], known: Collection[str], read: tuple[str, ...]) -> None:
        """Have the sender know of headers that begin like the provider's and are not among them.

        All is in lower case; `read` is how names of his begin that end as the client likes.
        """
        for key in self._values:
            if key.startswith(prefixes) and key not in known and not key.startswith(read):
                self.notice(f"{shown(self._written[key])} is not known here")

    def _asks(self, name: str) -> bool:
        return any(text.lower() not in _NOTHING for text in self.texts(name))


def parsed(name: str, value: bytes) -> dict[str, Any]:
    """Return the JSON object in a raw header value."""
    try:
        found = json_header.loads(value)
    except UnicodeDecodeError:
        raise refused(f"{name} must be ASCII or UTF-8") from None
    except json_strict.JsonError:
        whole = len(value) < json_header.POSSIBLY_CUT
        why = "" if whole else f": headers are cut at {json_header.CUT} bytes"
        raise refused(f"JSON parsing error in {name}{why}") from None
    if not isinstance(found, dict):
        raise refused(f"{name} must be a JSON object")
    return once(name, found)


def once(what: str, found: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON object in which no key stands twice: nobody could say which one holds."""
    if isinstance(found, json_strict.Repeated):
        raise refused(f"JSON parsing error in {what}: a key is given twice")
    return found


def first(asked: Asked, what: str, found: Sequence[_T], limit: int) -> tuple[_T, ...]:
    """Return the first `limit` of what was found, and have the sender know of more."""
    if len(found) > limit:
        asked.notice(f"of {len(found)} {what} the first {limit} count")
    return tuple(found[:limit])


def _text(name: str, value: bytes) -> str:
    if len(value) >= json_header.POSSIBLY_CUT:
        raise refused(f"{name} is too long: headers are cut at {json_header.CUT} bytes")
    # NUL, which encoded words can bring in, is what no store keeps alike.
    return rfc2047.decode(unfold(value)).strip().replace("\0", "\ufffd")
