"""What a POST must say to unsubscribe: `List-Unsubscribe=One-Click` (RFC 8058 section 3.1).

Mail providers send it as multipart/form-data or as application/x-www-form-urlencoded;
the button of our own page sends the same. A POST that says anything else, as scanners
send, changes nothing. Never raises.
"""

import re
from urllib.parse import unquote_to_bytes

_NAME = b"list-unsubscribe"
_VALUE = b"one-click"
_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"]{1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)
_PART_NAME = re.compile(rb'content-disposition:\s*form-data;\s*name="?list-unsubscribe"?\s*(?:;|\r?\n|$)')


def is_one_click(content_type: str, body: bytes) -> bool:
    """Return whether a body of this type asks to unsubscribe; names and values in any case."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return _in_multipart(content_type, body)
    if kind in {"application/x-www-form-urlencoded", ""}:
        return _in_form(body)
    return False


def _in_form(body: bytes) -> bool:
    for field in body.split(b"&"):
        name, _, value = field.partition(b"=")
        if _plain(name) == _NAME and _plain(value) == _VALUE:
            return True
    return False


def _plain(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" ")).strip().lower()


def _in_multipart(content_type: str, body: bytes) -> bool:
    found = _BOUNDARY.search(content_type)
    if found is None:
        return False
    boundary = b"--" + (found[1] or found[2]).encode("latin-1", "replace")
    for part in body.lower().split(boundary.lower()):
        head, _, value = part.partition(b"\r\n\r\n")
        if _PART_NAME.search(head) and value.strip() == _VALUE:
            return True
    return False
