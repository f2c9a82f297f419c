"""JSON (RFC 8259) as every reader of it agrees, and as every store can keep it.

Python's reader takes more than JSON is and lets some faults out later. Refused here: NaN and
infinities, written or by overflow; integers beyond 64 bits; lone surrogates, which cannot be written as
UTF-8; and nesting beyond `DEPTH`. NUL, which PostgreSQL cannot keep, becomes U+FFFD on every store.

An object that has a key twice comes out as `Repeated`: of its values the last holds, as with most
readers, and whoever acts on a key can tell and refuse.

Raises JsonError for everything that is not to be taken.
"""

import json
import math
import re
from collections.abc import Callable
from typing import Any

DEPTH = 32  # containers in each other; metadata that people write has two or three
INTEGER_BITS = 64  # what databases and most languages hold

_TOO_DEEP = f"nested deeper than {DEPTH}"
_SURROGATE = re.compile("[\ud800-\udfff]")


class JsonError(ValueError):
    """The text is not JSON, or holds what cannot be kept."""


class Repeated(dict[str, Any]):
    """An object in which a key stood twice."""


def loads(text: str) -> Any:
    """Return the value that `text` is."""
    try:
        value = _DECODER.decode(text)
    except RecursionError:  # Python's limit is far beyond ours
        raise JsonError(_TOO_DEEP) from None
    except ValueError as error:
        raise JsonError(str(error)) from None
    # Only an escape can bring in NUL or a surrogate, and only brackets nest: most texts need no walk.
    if "\\u" in text or text.count("{") + text.count("[") > DEPTH:
        return with_strings(value, str)
    return value


def with_strings(value: Any, change: Callable[[str], str], depth: int = DEPTH) -> Any:
    """Return `value` with every string, keys too, put through `change` and fit to be stored."""
    if isinstance(value, str):
        return _storable(change(value))
    if not isinstance(value, list | dict):
        return value
    if depth == 0:
        raise JsonError(_TOO_DEEP)
    if isinstance(value, list):
        return [with_strings(item, change, depth - 1) for item in value]
    pairs = [(_storable(change(key)), with_strings(item, change, depth - 1)) for key, item in value.items()]
    changed = _object(pairs)
    return Repeated(changed) if isinstance(value, Repeated) else changed


def _storable(text: str) -> str:
    if _SURROGATE.search(text):
        raise JsonError("a string holds a lone surrogate")
    return text.replace("\0", "\ufffd")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    return value if len(value) == len(pairs) else Repeated(value)


def _constant(text: str) -> Any:
    raise JsonError(f"{text} is not JSON")


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise JsonError("a number is too large")
    return value


def _integer(text: str) -> int:
    # The length first: Python takes quadratic time for long ones.
    if len(text) > 20 or not -(1 << INTEGER_BITS - 1) <= (value := int(text)) < 1 << INTEGER_BITS:
        raise JsonError("an integer is too large")
    return value


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_integer
)
