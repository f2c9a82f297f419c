"""Answers and headers that several paths share.

A bad token, a token for another path and an unknown path get the same bytes: whoever
guesses learns nothing.
"""

import base64
import re

from starlette.responses import Response

# On every response: no page or redirect may hand its own address, which holds a token, to where it leads.
HEADERS = [
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
]
# On every response that does not say otherwise itself: each request counts.
UNCACHED = ("Cache-Control", "no-store")

RETRY_AFTER = 60  # seconds

PIXEL = base64.b64decode(
    "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
)  # 1x1, transparent, 43 bytes

_UNSAFE = re.compile(rb"[^\x21-\x7e]")


def not_found() -> Response:
    """Return the one answer to everything that leads nowhere."""
    return Response("Not found\n", 404, media_type="text/plain")


def unavailable() -> Response:
    """Return the answer where store or disk are away for a while."""
    headers = {"Retry-After": str(RETRY_AFTER)}
    return Response("Please try again in a minute\n", 503, headers, media_type="text/plain")


def redirect(target: bytes) -> Response:
    """Return a redirect to exactly `target`; what a header cannot carry is percent-encoded."""
    response = Response(status_code=302)
    response.raw_headers.append((b"location", header_safe(target)))
    return response


def header_safe(target: bytes) -> bytes:
    """Return `target` with white space and bytes outside ASCII percent-encoded (RFC 3986 section 2.1)."""
    return _UNSAFE.sub(lambda match: b"%%%02X" % match.group()[0], target)
