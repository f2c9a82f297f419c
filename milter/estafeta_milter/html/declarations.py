r"""What stands in a style attribute, as css-inline can read it.

    style       = [ declaration ] *( ";" [ declaration ] )
    declaration = name ":" value                   name: an identifier, or one that begins with --
    value       = sign / string / "(" *( sign / string ) ")" / "!important"

css-inline raises an error for the whole text where one attribute has anything else and a rule matches its
element. Mail is full of such attributes (`border=0`, `*zoom: 1`, `[[colour]]`), and readers skip what they do
not know. So what is in doubt here, an escape or a comment for example, is not given to it.
"""

import re

_STRING = r"""(?:"[^"\\\n\r\f]*"|'[^'\\\n\r\f]*')"""
# No two alternatives begin with the same sign: a text that does not fit is found out in linear time.
_VALUE = (
    rf"""(?:[^;"'(){{}}\[\]\\!/@<]|!\s*important|/(?!\*)|{_STRING}|\((?:[^"'(){{}}\[\]\\]|{_STRING})*\))*"""
)
_DECLARATION = rf"\s*(?:-{{0,2}}[a-z_][a-z0-9_-]*\s*:{_VALUE})?"
_SOUND = re.compile(rf"{_DECLARATION}(?:;{_DECLARATION})*", re.IGNORECASE)


def is_sound(style: str) -> bool:
    """Whether `style` is declarations and nothing else."""
    return _SOUND.fullmatch(style) is not None
