"""Bounces that are no RFC 3464: qmail, Exim, Exchange and other old programs, as flufl.bounce knows them.

The library works on a tree of the standard library's parser, which recurses and copies; so it gets what is
small and flat, and whatever it raises means that nothing was found. A bounce comes from nobody (RFC 5321
section 4.5.5); some old programs write as the mailer-daemon.
"""

import email
import email.policy
import logging
import re

from flufl.bounce import all_failures

from estafeta_postfix.mail_intake import automatic, clean
from estafeta_postfix.mail_intake.delivery_status import Failure, from_words
from estafeta_postfix.mail_intake.mail import Mail

BYTES = 256 * 1024  # of a message; the rest is what it quotes
LINE = 2000  # bytes: detectors use expressions that are quadratic in a line
NESTED = 20  # multiparts and messages in each other; the parser begins to fail at 300
DELIMITERS = 1000  # lines that may begin a part
LINES = 20_000  # each costs the parser time for every part that is open
RECIPIENTS = 200  # of one report

_WORDS = 300  # bytes behind a recipient: the reason stands in the next lines

_ADDRESS = re.compile(r"[^\s@<>]+@[\w-]+(\.[\w-]+)+")
# A reply code, with an enhanced one or without, or qmail's form `#5.1.1`; and the rest of the line.
_SAID = re.compile(
    rb"(?<![\d.])(?:5\d\d(?:[ -]+#?5\.\d{1,3}\.\d{1,3}|[ -])|#5\.\d{1,3}\.\d{1,3})[^\n]{0,500}"
)

log = logging.getLogger(__name__)
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL + 1)  # a line for each detector, and a traceback


def read(mail: Mail) -> tuple[Failure, ...]:
    """Return the failures for good that a message tells of; none where it is no bounce."""
    from_nobody = mail.sender == "" or automatic.is_from_a_daemon(mail)
    if not from_nobody or automatic.is_answer(mail) or not _is_flat(mail.raw[:BYTES]):
        return ()
    try:
        message = email.message_from_bytes(mail.raw[:BYTES], policy=email.policy.compat32)
        delayed, failed = all_failures(message)
    except Exception as error:  # noqa: BLE001 - a stranger's message in a library of heuristics
        log.warning("flufl.bounce failed, nothing is taken from the message: %r", error)
        return ()
    names = (clean.text(address, clean.ADDRESS) for address in sorted(failed - delayed))
    found = tuple(name for name in names if _ADDRESS.fullmatch(name))[:RECIPIENTS]
    return (from_words(found, _said(mail, found[0])),) if found else ()


def _said(mail: Mail, recipient: str) -> str:
    """Return the line in which the remote host's words stand, or what stands behind the recipient."""
    body = mail.body[:BYTES]
    found = _SAID.search(body)
    if found is not None:
        return clean.text(found[0])
    _before, _name, behind = body.lower().partition(recipient.lower().encode())
    start = len(body) - len(behind)
    return clean.text(body[start : start + _WORDS].lstrip(b"\"'>:;,.)] \t\r\n"))


def _is_flat(raw: bytes) -> bool:
    lower = raw.lower()
    return (
        lower.count(b"multipart/") + lower.count(b"message/") <= NESTED
        and raw.count(b"\n--") <= DELIMITERS
        and raw.count(b"\n") <= LINES
        and max(map(len, raw.split(b"\n"))) <= LINE
    )
