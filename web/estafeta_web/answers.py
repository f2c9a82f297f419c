"""Answers and headers that several paths share.

A bad token, a token for another path and an unknown path get the same bytes: whoever
guesses learns nothing.
"""

import base64
import re

from starlette.responses import Response

# On every response. Nothing of ours may be cached, because each request counts; and no page
# or redirect may hand its own address, which holds a token, to the site it leads to.
HEADERS = [
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
]

PIXEL = base64.b64decode(
    "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
)  # 1x1, transparent, 43 bytes

_UNSAFE = re.compile(rb"[^\x21-\x7e]")


def not_found() -> Response:
    """Return the one answer to everything that leads nowhere."""
    return Response("Not found\n", 404, media_type="text/plain")


def redirect(target: bytes) -> Response:
    """Return a redirect to exactly `target`; what a header cannot carry is percent-encoded."""
    response = Response(status_code=302)
    response.raw_headers.append((b"location", header_safe(target)))
    return response


def header_safe(target: bytes) -> bytes:
    """Return `target` with white space and bytes outside ASCII percent-encoded (RFC 3986 section 2.1)."""
    return _UNSAFE.sub(lambda match: b"%%%02X" % match.group()[0], target)
