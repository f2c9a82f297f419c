"""What is written down about a message that is refused for good at its end: an event for each recipient.

It was never taken in, so there is no transmission to find: its id is one that nothing else has, and the
events hold all that is known. They name no message, so statistics, which count messages, leave them out. A
refusal that may pass (4yz) is no event: the client comes again.
"""

from collections.abc import Sequence
from typing import Any

from estafeta_core import events
from estafeta_core.addresses import domain_of, mailbox_key, mailbox_of_from
from estafeta_core.bounce_class import ADMIN_FAILURE
from estafeta_core.headers import Header
from estafeta_core.ids import IdSource
from estafeta_core.refusal import Refusal
from estafeta_core.store.rows import Event, Row
from estafeta_milter.ledger import subject
from estafeta_milter.verdict import Envelope

# Of one message: what was wrong with it is the same for all, and a client that tries again and again should
# not fill the store.
RECIPIENTS = 100


def rows(
    refusal: Refusal,
    envelope: Envelope,
    recipients: Sequence[str],
    headers: Sequence[Header],
    *,
    ids: IdSource,
    time: int,
) -> list[Row]:
    """Return the events of a refusal at `time` in Unix milliseconds; none for one that may pass."""
    if refusal.code < 500:
        return []
    transmission_id, shared = ids.next(), _shared(refusal, envelope, headers)
    mailboxes = {mailbox_key(recipient): recipient for recipient in reversed(recipients)}
    chosen = [*reversed(mailboxes.items())][:RECIPIENTS]
    return [
        Event(
            event_id=ids.next(),
            type=events.POLICY_REJECTION,
            timestamp=time,
            transmission_id=transmission_id,
            message_id=None,
            account=envelope.identity.account,
            subaccount=envelope.identity.subaccount,
            data=shared | _recipient(key, recipient),
        )
        for key, recipient in chosen
    ]


def _shared(refusal: Refusal, envelope: Envelope, headers: Sequence[Header]) -> dict[str, Any]:
    account = envelope.credential.account
    said = {
        "customer_id": account.customer_id or account.account,
        "error_code": str(refusal.code),
        "reason": refusal.text,
        "raw_reason": str(refusal),
        "bounce_class": str(ADMIN_FAILURE),
        "remote_addr": envelope.client_address,
        "recv_method": "esmtp",
        "msg_from": _text(envelope.sender),
        "friendly_from": _text(mailbox_of_from(headers) or ""),
        "subject": _text(subject(headers)),
    }
    return {name: value for name, value in said.items() if value}


def _recipient(key: str, recipient: str) -> dict[str, Any]:
    return {
        "rcpt_to": _text(key),
        "raw_rcpt_to": _text(recipient),
        "recipient_domain": _text(domain_of(key) or ""),
    }


def _text(text: str) -> str:
    """Return `text` as any reader of JSON takes it; bytes that are no UTF-8 arrive as lone surrogates."""
    return text.encode("utf-8", "replace").decode()
