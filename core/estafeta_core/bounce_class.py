"""SparkPost's bounce classes, by enhanced status code (RFC 3463, and X.1.10 of RFC 7505).

The code is the remote host's own word. It names the cause well enough to tell an
address that does not exist from a full mailbox or a block; where a code says
nothing definite the class is 1 (undetermined), or 20 and 70 for what may pass.
X.1.7 and X.1.8 speak of the sender's address, so they never blame the recipient.
"""

import re

UNDETERMINED = 1
INVALID_RECIPIENT = 10
SOFT_BOUNCE = 20
DNS_FAILURE = 21
MAILBOX_FULL = 22
TOO_LARGE = 23
TIMEOUT = 24
ADMIN_FAILURE = 25  # ours to give: the recipient is suppressed
MAIL_BLOCK = 50
TRANSIENT_FAILURE = 70

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


def classify(status: str, *, final: bool) -> int:
    """Return the class of a failure with this enhanced status code.

    `final` tells a bounce from a delay: a 4.x.x that nobody will try again is a soft bounce, one that will be
    tried is a transient failure.
    """
    code = _STATUS.fullmatch(status.strip())
    if code is None:
        return UNDETERMINED
    subject, detail = code[2], f"{code[2]}.{code[3]}"
    if detail in _EITHER:
        return _EITHER[detail]
    if code[1] == "5":
        return _PERMANENT.get(detail, _PERMANENT.get(subject, UNDETERMINED))
    return _TRANSIENT.get(detail, SOFT_BOUNCE if final else TRANSIENT_FAILURE)
