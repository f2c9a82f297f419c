r"""A header field whose value is JSON, as clients write it.

Unfolding puts one space for each fold, also inside a string. Text outside ASCII may be escaped (`\u00e9`),
plain UTF-8, or RFC 2047 encoded words. Words inside a JSON string are decoded as part of that string and can
never end it. Only when the value is not JSON as it stands are words decoded over the whole of it, once: mail
libraries encode a header without regard to its syntax.

Raises UnicodeDecodeError for what is not UTF-8, and `json_strict.JsonError` for what is not JSON.
"""

from typing import Any

from estafeta_core import json_strict, rfc2047
from estafeta_core.headers import unfold

CUT = 60_000  # bytes of a header that Postfix hands a milter; it says nothing of the rest
# It cuts at the end of a line when that loses less than a tenth, so from here on a value may have been cut.
POSSIBLY_CUT = 54_000


def loads(value: bytes) -> Any:
    """Return the JSON value in a raw header value."""
    text = unfold(value).decode()
    if "=?" not in text:
        return json_strict.loads(text)
    try:
        found = json_strict.loads(text)
    except json_strict.JsonError:
        return json_strict.loads(rfc2047.decode(text))
    return json_strict.with_strings(found, rfc2047.decode)
