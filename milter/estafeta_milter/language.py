"""The language of a message, as far as it is said: ISO 639-1, or ISO 639-2 where that has no two letters.

The first of these that says one:

  the client's choice of the lines that are put around the text (Teenvio's X-Teenvio-Language), or the one
  language of a provider's lines
  Content-Language (RFC 3282), the first tag of it
  <html lang="...">

Nothing is guessed from words or letters: a wrong guess would greet somebody in a language he cannot read,
and without one, the page that unsubscribes asks his browser.
"""

import re

from estafeta_core.headers import unfold, values
from estafeta_core.options import Options
from estafeta_milter.message.message import Message

HEAD_BYTES = 4096  # of the HTML; the tag stands first, behind a DOCTYPE and comments for Outlook

_TAG = re.compile(rb"[ \t]*([A-Za-z]{2,3})(?![A-Za-z])")
_HTML = re.compile(rb"<html\b[^<>]*?[\s\"']lang\s*=\s*[\"']?([A-Za-z]{2,3})(?![A-Za-z])", re.IGNORECASE)
_NORWEGIAN = frozenset({"nb", "nn"})  # both are written `no` in Teenvio's table


def of(message: Message, options: Options) -> str:
    """Return the language of `message`, "" where nothing says it."""
    return options.foot or options.head or options.tags_footer or _said(message)


def _said(message: Message) -> str:
    found = next(
        filter(None, map(_TAG.match, map(unfold, values(message.headers, "content-language")))), None
    )
    if found is None:
        html = next((part for part in message.text_parts() if part.content_type == "text/html"), None)
        found = _HTML.search((message.decoded(html) or b"")[:HEAD_BYTES]) if html else None
    if found is None:
        return ""
    language = found[1].decode().lower()
    return "no" if language in _NORWEGIAN else language
