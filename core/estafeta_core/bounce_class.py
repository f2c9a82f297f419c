"""SparkPost's bounce classes, by enhanced status code (RFC 3463; X.1.10: RFC 7505) and by what was said.

The code is the remote host's own word. It names the cause well enough to tell an
address that does not exist from a full mailbox or a block; where a code says
nothing definite the class is 1 (undetermined), or 20 and 70 for what may pass.
X.1.7 and X.1.8 speak of the sender's address, so they never blame the recipient.

Hosts use general codes, and wrong ones, so the text they send with it is evidence as well
(bounce_evidence.py). To suppress somebody wrongly is worse than to miss one: words alone make a
recipient invalid only where the failure is permanent and the code says nothing definite, and words
that speak of anything else save him from a code.
"""

import re

from estafeta_core import bounce_evidence

UNDETERMINED = 1
INVALID_RECIPIENT = bounce_evidence.INVALID_RECIPIENT
SOFT_BOUNCE = 20
DNS_FAILURE = 21
MAILBOX_FULL = bounce_evidence.MAILBOX_FULL
TOO_LARGE = bounce_evidence.TOO_LARGE
TIMEOUT = 24
ADMIN_FAILURE = 25  # ours to give: the recipient is suppressed
GENERIC_NO_RCPT = 30
MAIL_BLOCK = bounce_evidence.MAIL_BLOCK
TRANSIENT_FAILURE = 70
UNSUBSCRIBE = 90

HARD = frozenset({INVALID_RECIPIENT, GENERIC_NO_RCPT, UNSUBSCRIBE})
"""The classes that cost a recipient his place on a list."""

# Subject and detail of the code, whatever its class; the meanings are RFC 3463's unless another is named.
_EITHER = {
    "1.2": DNS_FAILURE,  # bad destination system address
    "1.10": DNS_FAILURE,  # recipient address has null MX (RFC 7505)
    "2.2": MAILBOX_FULL,  # mailbox full
    "2.3": TOO_LARGE,  # message length exceeds administrative limit
    "3.4": TOO_LARGE,  # message too big for system
    "4.3": DNS_FAILURE,  # directory server failure
    "4.4": DNS_FAILURE,  # unable to route
}
_PERMANENT = {
    "1": INVALID_RECIPIENT,  # any other address status
    "1.7": MAIL_BLOCK,  # bad sender's mailbox address syntax
    "1.8": MAIL_BLOCK,  # bad sender's system address
    "1.9": UNDETERMINED,  # message relayed to non-compliant mailer (RFC 3886)
    "2.1": INVALID_RECIPIENT,  # mailbox disabled, not accepting messages
    "4.7": TIMEOUT,  # delivery time expired
    "7": MAIL_BLOCK,  # security or policy
}
_TRANSIENT = {
    "4.1": TIMEOUT,  # no answer from host
    "4.2": TIMEOUT,  # bad connection
    "4.7": TIMEOUT,  # delivery time expired
}
_STATUS = re.compile(r"([245])\.([0-9]{1,3})\.([0-9]{1,3})")
# Codes that are used for anything: what was said tells more. X.1.10 is Exchange's for a recipient not found.
_VAGUE = frozenset({UNDETERMINED, MAIL_BLOCK, SOFT_BOUNCE, TRANSIENT_FAILURE, DNS_FAILURE, INVALID_RECIPIENT})
# What these say of a failure that may pass is said of greylisting and of limits as well.
_PERMANENT_ONLY = frozenset(
    {INVALID_RECIPIENT, MAIL_BLOCK, bounce_evidence.AUTO_REPLY, bounce_evidence.CHALLENGE_RESPONSE}
)


def classify(status: str, *, final: bool, text: str = "") -> int:
    """Return the class of a failure with this enhanced status code, of which the remote host said `text`.

    `final` tells a bounce from a delay: a 4.x.x that nobody will try again is a soft bounce, one that will be
    tried is a transient failure. Without a code, `final` failures are permanent.
    """
    code = _STATUS.fullmatch(status.strip())
    by_code = UNDETERMINED if code is None else _by_code(code, final=final)
    told = bounce_evidence.read(text) if text and by_code in _VAGUE else None
    permanent = final if code is None else code[1] == "5"
    if told is None or (told in _PERMANENT_ONLY and not permanent):
        return by_code
    return told


def _by_code(code: re.Match[str], *, final: bool) -> int:
    subject, detail = code[2], f"{code[2]}.{code[3]}"
    if detail in _EITHER:
        return _EITHER[detail]
    if code[1] == "5":
        return _PERMANENT.get(detail, _PERMANENT.get(subject, UNDETERMINED))
    return _TRANSIENT.get(detail, SOFT_BOUNCE if final else TRANSIENT_FAILURE)
