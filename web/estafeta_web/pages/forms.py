"""What a form of ours has sent, and that it was ours.

Another site can have a browser send any form here. The session's cookie stays away then (SameSite=Strict);
besides, the browser says where the form was: `Sec-Fetch-Site` (W3C Fetch Metadata), or on connections without
TLS, where there is none, `Origin` (RFC 6454). A form that says neither is not taken.

Raises body.Refused.
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

from estafeta_web import body
from estafeta_web.body import Refused

BODY_BYTES = 16 * 1024  # the largest form has an address and a description
BODY_SECONDS = 10.0  # for a body to arrive
FIELDS = 20  # the largest form has six


async def fields(request: Request, base_url: str) -> Mapping[str, str]:
    """Return the fields of a form, each with the last value given; Refused for one that is not ours."""
    if not is_ours(request, base_url):
        raise Refused(403)
    raw = await body.read(request, BODY_BYTES, BODY_SECONDS)
    try:
        return dict(parse_qsl(raw.decode(), max_num_fields=FIELDS))
    except ValueError:  # not UTF-8, or too many fields
        raise Refused(400) from None


def is_ours(request: Request, base_url: str) -> bool:
    """Return whether one of our own pages sent this request."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = urlsplit(request.headers.get("origin", ""))
    here = {request.headers.get("host", ""), urlsplit(base_url).netloc}
    return origin.scheme in {"http", "https"} and bool(origin.netloc) and origin.netloc in here
