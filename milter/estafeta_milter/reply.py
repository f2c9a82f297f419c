"""A refusal as a milter reply: one line that no text in it can break.

libmilter refuses CR, LF and a single `%`, and lines over 980 bytes; the SMTP client
must get at most 512 bytes in a line (RFC 5321 section 4.5.3.1.5). A refused reply
would reach the client as a temporary failure, so a permanent one would be retried
for days: everything is made safe here, whoever wrote the text.
"""

import re

from estafeta_core.refusal import Refusal

LINE_LIMIT = 512 - len("550 5.7.1 \r\n") - 3  # three more for a longer status such as 5.7.100

_UNPRINTABLE = re.compile(r"[^\x20-\x7e]+")


def reply(refusal: Refusal) -> tuple[str, str | None, str]:
    """Return code, enhanced status and text as libmilter's setreply takes them.

    Control characters become one space, other characters outside ASCII become `?`
    (a client that did not ask for SMTPUTF8 may not be sent them, RFC 6531 section 3.1).
    """
    text = _UNPRINTABLE.sub(_replacement, refusal.text)[:LINE_LIMIT]
    while len(text) + text.count("%") > LINE_LIMIT:
        text = text[:-1]
    return str(refusal.code), _status(refusal, text), text.replace("%", "%%")


def _status(refusal: Refusal, text: str) -> str | None:
    """Return the enhanced status; None, which libmilter leaves out, where the provider writes none.

    Postfix takes a digit behind the code for the beginning of one, and answers 451 when it is not.
    """
    if not refusal.status and text[:1].isdigit():
        return f"{refusal.code // 100}.0.0"
    return refusal.status or None


def _replacement(match: re.Match[str]) -> str:
    return " " if all(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in match.group()) else "?"
