"""The charset that HTML says it is in, where it says so itself.

    <meta charset="windows-1251">
    <meta http-equiv="Content-Type" content="text/html; charset=windows-1251">

Mail programs go by the part's Content-Type and browsers by the one of HTTP; but a copy in a file has
neither, and is read by its meta tags. So a text that gets another charset must not name the old one.
"""

import re
from collections.abc import Iterator

import turbohtml

from estafeta_milter.html.attributes import find, quoted
from estafeta_milter.html.rewrite import one_line
from estafeta_milter.message.splice import Edit, splice

_CHARSET = re.compile(
    rb"charset[\t\n\f\r ]*=[\t\n\f\r ]*(?:&quot;|&#39;|[\"'])?([^\t\n\f\r ;\"'&]+)", re.IGNORECASE
)
_META = re.compile(rb"<meta\b", re.IGNORECASE)


def declare(markup: bytes, charset: str) -> bytes:
    """Return `markup` with the label `charset` in every meta tag that names one, or itself if none does.

    The markup is in a charset that can be edited: see `charsets`.
    """
    return splice(markup, list(_edits(markup, charset))) if _META.search(markup) else markup


def _edits(markup: bytes, charset: str) -> Iterator[Edit]:
    for token in turbohtml.tokenize(one_line(markup), capture_source=True):
        if token.tag != "meta" or token.type is not turbohtml.TokenType.START_TAG:
            continue
        end = token.col + len(token.source or "")
        own = find(markup, token.col, end, b"charset") if token.attr("charset") else None
        if own is not None:
            yield Edit(own.start, own.end, quoted(charset, own))
        elif (token.attr("http-equiv") or "").lower() == "content-type":
            content = find(markup, token.col, end, b"content")
            named = _CHARSET.search(markup, content.start, content.end) if content else None
            if named:
                yield Edit(named.start(1), named.end(1), charset.encode("ascii"))
