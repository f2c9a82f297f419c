"""Why a delivery failed: from Postfix's words to what SparkPost's events say.

Postfix writes `host mx.example[192.0.2.1] said: 550 5.1.1 No such user (in reply to RCPT TO command)`
for a server's refusal, and words of its own where no server answered, such as
`connect to mx.example[192.0.2.1]:25: Connection refused`.

What a remote host says is anybody's text: it is cleaned and cut before it goes into an event.
"""

import re
from dataclasses import dataclass

from estafeta_core.bounce_class import classify
from estafeta_postfix.log_follower.parse import Delivery

_SAID = re.compile(r"(?:^|\s)(?:said|refused to talk to me): (.*?)(?: \(in reply to [^()]*\))?$", re.DOTALL)
_CODE = re.compile(r"[2-5]\d\d(?=[ -]|$)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
ANSWER_CHARACTERS = 1000  # of an answer; one line of a reply has 512 at most (RFC 5321 section 4.5.3.1.5)
_NOTHING_SAID = {"4": "451", "5": "554"}  # RFC 5321: local error; transaction failed
_EXPIRED_STATUS = "4.4.7"  # RFC 3463: delivery time expired


@dataclass(frozen=True, slots=True)
class Reason:
    """A failure in the words of SparkPost's bounce and delay events."""

    error_code: str
    reason: str
    raw_reason: str
    bounce_class: int


def read_reason(delivery: Delivery) -> Reason:
    """Return why `delivery` was bounced or deferred."""
    said = _SAID.search(delivery.text)
    raw = cleaned(said[1] if said else delivery.text)
    code = _CODE.match(raw)
    return Reason(
        error_code=code[0] if code else _NOTHING_SAID.get(delivery.dsn[0], "554"),
        reason=" ".join(raw.split()),
        raw_reason=raw,
        bounce_class=classify(delivery.dsn, final=delivery.status == "bounced", text=delivery.text),
    )


def cleaned(answer: str) -> str:
    """Return an answer of a remote host in one line of ANSWER_CHARACTERS at most, control characters out."""
    return _CONTROL.sub(" ", answer)[:ANSWER_CHARACTERS]


def expired() -> Reason:
    """Return the reason of a message that was tried for as long as the queue keeps one."""
    text = f"554 {_EXPIRED_STATUS} Delivery time expired"
    return Reason("554", text, text, classify(_EXPIRED_STATUS, final=True))
