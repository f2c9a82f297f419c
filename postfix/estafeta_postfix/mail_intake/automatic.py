"""Vacation notes, automatic answers and receipts: they come to the return path and tell of no address.

RFC 3834 has them say `Auto-Submitted: auto-replied`, which bounces may say too; the older marks are those
that vacation programs and Exchange write. A disposition notification (RFC 8098) tells that a message was
shown, or deleted unread.
"""

import re

from estafeta_core import rfc2047
from estafeta_core.headers import values
from estafeta_postfix.mail_intake import clean
from estafeta_postfix.mail_intake.mail import Mail

_DAEMON = re.compile(
    r"mailer-?daemon|postmaster|mail delivery (sub)?system|delivery subsystem", re.IGNORECASE
)
_MARKS = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply", "x-vacation")
_SUBJECT = re.compile(
    r"((re|auto|aw|sv): *)?"
    r"(auto(matic|mated|matische|matica|matique)?[ :-]*(reply|response|antwort|respuesta)|auto:"
    r"|out of (the )?office|away from|vacation|abwesen|absence|fuera de la oficina|respuesta autom"
    r"|r[ée]ponse autom|автоответ)",
    re.IGNORECASE,
)


def is_from_a_daemon(mail: Mail) -> bool:
    """Whether a message says that a mail system wrote it."""
    return _DAEMON.search(clean.field(mail.headers, "from")) is not None


def is_answer(mail: Mail) -> bool:
    """Whether a message that is no delivery status notification is some other automatic one."""
    if any(mail.parts("message/disposition-notification")) or any(
        values(mail.headers, mark) for mark in _MARKS
    ):
        return True
    if clean.field(mail.headers, "precedence").lower() in {"auto_reply", "auto-reply"}:
        return True
    submitted = clean.field(mail.headers, "auto-submitted").lower()
    # Bounces are marked so too, but they do not come from somebody.
    if submitted.startswith("auto-replied") and not is_from_a_daemon(mail):
        return True
    return _SUBJECT.match(rfc2047.decode(clean.field(mail.headers, "subject"))) is not None
