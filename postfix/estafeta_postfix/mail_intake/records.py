"""What is written down of a bounce, a complaint, an unsubscribe: an event in SparkPost's words, and more.

Each is there once for a message, however often a report comes, and a suppression that is there stays as it
is: Postfix hands a report over again when our answer was lost, and remote hosts send them twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from estafeta_core import events, suppression
from estafeta_core.bounce_class import HARD, classify
from estafeta_core.store import Copy
from estafeta_core.store.rows import Bounced, Row, TokenEvent, Unsubscribed
from estafeta_postfix.mail_intake.complaint import Complaint
from estafeta_postfix.mail_intake.delivery_status import Failure

_RECEIVED: dict[str, Any] = {"recv_method": "esmtp"}


def bounce_class(failure: Failure) -> int:
    """Return the class of a failure, as for a bounce in the mail log: by its status and what was said."""
    return classify(failure.status, final=True, text=failure.said)


@dataclass(frozen=True, slots=True)
class Occasion:
    """What the rows of one report take from elsewhere."""

    event_id: int
    time: int  # Unix milliseconds
    delivered: Mapping[str, Any]  # what the message's delivery event says of the delivery


def bounce(copy: Copy, failure: Failure, now: Occasion) -> list[Row]:
    """Return the rows of a bounce that came later."""
    kind = bounce_class(failure)
    words = failure.said or " ".join(filter(None, (failure.code, failure.status))) or "Delivery failed"
    data = {
        **_RECEIVED,
        **now.delivered,
        "bounce_class": str(kind),
        "error_code": failure.code or "554",  # RFC 5321: transaction failed
        "reason": words,
        "raw_reason": words,
    }
    rows: list[Row] = [_event(events.OUT_OF_BAND, copy, now, data)]
    if kind in HARD:
        rows.append(Bounced(copy.message.message_id, suppression.BOUNCE_RULE, words, now.time))
    return rows


def complaint(copy: Copy, said: Complaint, report_to: str, now: Occasion) -> list[Row]:
    """Return the rows of a complaint; `report_to` is the address that it came to."""
    told = {"fbtype": said.kind, "report_by": said.reporter, "report_to": report_to, "user_str": said.agent}
    return [
        _event(events.SPAM_COMPLAINT, copy, now, {**now.delivered, **told}),
        Unsubscribed(copy.message.message_id, suppression.SPAM_COMPLAINT, now.time),
    ]


def unsubscribe(copy: Copy, mailfrom: str, now: Occasion) -> list[Row]:
    """Return the rows of an unsubscribe that came by mail."""
    data = {**_RECEIVED, **now.delivered, "mailfrom": mailfrom}
    return [
        _event(events.LIST_UNSUBSCRIBE, copy, now, data),
        Unsubscribed(copy.message.message_id, suppression.LIST_UNSUBSCRIBE, now.time),
    ]


def _event(kind: str, copy: Copy, now: Occasion, data: dict[str, Any]) -> TokenEvent:
    return TokenEvent(now.event_id, kind, now.time, copy.message.message_id, shared=False, data=data)
