"""Sentences as HTML: ASCII with character references, so that they fit every charset.

Inline styles and no table: mail programs drop style sheets, and a block is as wide as the screen it is on.
It brings its own background, because nobody knows on which one it comes to stand, and its own lines, because
a text whose lines pass 998 bytes has to leave in another transfer encoding than it came in.
"""

import functools
import html

from estafeta_milter.texts.sentences import Linked

_COLOUR = "#595959"  # 7:1 on white (WCAG 2.2, 1.4.6)
_STYLE = (
    "clear:both;margin:0;padding:8px 12px;font:12px/18px Arial,Helvetica,sans-serif;"
    f"color:{_COLOUR};background:#ffffff;text-align:center"
)


def ascii_text(text: str) -> str:
    """Return `text` as HTML, in an attribute too."""
    return html.escape(text).encode("ascii", "xmlcharrefreplace").decode("ascii")


def linked(sentence: Linked, url: str) -> str:
    """Return a sentence whose marked words lead to `url`."""
    before, after = _around_url(sentence)
    return before + ascii_text(url) + after


def block(language: str, lines: list[str]) -> str:
    """Return lines of markup in a language as a block of its own."""
    start = f'<div lang="{language}" dir="ltr" style="{_STYLE}">'
    return "\r\n".join(("", start, *lines, "</div>", ""))


@functools.lru_cache(maxsize=256)  # a few sentences in each language
def _around_url(sentence: Linked) -> tuple[str, str]:
    link = f'" style="color:{_COLOUR};text-decoration:underline">{ascii_text(sentence.link)}</a>'
    return ascii_text(sentence.before) + '<a href="', link + ascii_text(sentence.after)
