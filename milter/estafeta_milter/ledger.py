"""What is written down about an accepted message: its transmission, copies and first events.

Every recipient is counted. One who is sent to has an injection event, and a warning where the sender
should know something. One who is suppressed has an injection and a bounce of class 25, which is how
SparkPost tells of it. One who is left out, because the provider sends to the first only or the message is a
test, has a policy rejection.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from estafeta_core import events, rfc2047
from estafeta_core.addresses import mailbox_key
from estafeta_core.bounce_class import ADMIN_FAILURE
from estafeta_core.headers import Header, unfold, values
from estafeta_core.ids import IdSource
from estafeta_core.recipients import Recipient
from estafeta_core.store import rows as store_rows
from estafeta_core.store.rows import Event, Row, Transmission
from estafeta_milter.job import Job
from estafeta_milter.message.message import Message

SUBJECT_LIMIT = 998  # characters kept of the subject: the length of a line (RFC 5322 section 2.1.1)
SUPPRESSED: dict[str, Any] = {
    "bounce_class": str(ADMIN_FAILURE),
    "error_code": "554",
    "reason": "Recipient address was suppressed due to customer policy",
    "raw_reason": "554 5.7.1 recipient address was suppressed due to customer policy",
}
INJECTED: dict[str, Any] = {"recv_method": "esmtp"}
LEFT_OUT: dict[str, Any] = {
    "recv_method": "esmtp",
    "bounce_class": str(ADMIN_FAILURE),
    "error_code": "554",
    "reason": "A message goes to its first recipient only",
    "raw_reason": "554 5.7.1 a message goes to its first recipient only",
}
TEST: dict[str, Any] = LEFT_OUT | {
    "reason": "The message is a test and is sent to nobody",
    "raw_reason": "554 5.7.1 the message is a test and is sent to nobody",
}


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the client is about to be told is accepted."""

    queue_id: str
    listener: str
    dialect: str
    friendly_from: str
    transmission_id: int
    recipients: tuple[Recipient, ...]
    message_ids: Mapping[str, int]  # by the address of a recipient
    suppressed: frozenset[str]  # those of the recipients that will not be sent to
    left_out: frozenset[str]  # those that get nothing though nothing is wrong with them
    warnings: tuple[str, ...]  # an event each
    tags_counted: bool  # whether the account may use so many different tags and no more
    time: int  # Unix milliseconds
    language: str = ""  # of the text, for the pages that its recipients see


def rows(accepted: Accepted, final: Message, job: Job, ids: IdSource) -> list[Row]:
    """Return everything that must be durable before the client gets its 250."""

    def event(kind: str, message_id: int, data: dict[str, Any]) -> Event:
        return Event(
            event_id=ids.next(),
            type=kind,
            timestamp=accepted.time,
            transmission_id=accepted.transmission_id,
            message_id=message_id,
            account=job.identity.account,
            subaccount=job.identity.subaccount,
            data=data,
        )

    injected = INJECTED | {"ip_pool": job.pool} if job.pool else INJECTED
    lines: list[Row] = [_transmission(accepted, final, job)]
    for recipient in accepted.recipients:
        address, message_id = recipient.address, accepted.message_ids[recipient.address]
        lines.append(
            store_rows.Message(
                message_id, accepted.transmission_id, mailbox_key(address), address, recipient.kind
            )
        )
        lines += [event(kind, message_id, data) for kind, data in _told_of(address, accepted, injected, job)]
    if accepted.tags_counted:
        lines += [store_rows.Tag(job.identity.account, tag) for tag in job.options.tags]
    return lines


def counts(recipients: Sequence[Recipient], copies: str) -> list[Row]:
    """Return what an accepted message adds to the counters: itself, and its recipients by why they get it."""
    kinds = Counter(recipient.kind for recipient in recipients)
    return [
        store_rows.Count("messages", copies),
        *(store_rows.Count("recipients", kind or "to", number) for kind, number in kinds.items()),
    ]


def _told_of(
    address: str, accepted: Accepted, injected: dict[str, Any], job: Job
) -> list[tuple[str, dict[str, Any]]]:
    """Return type and data of a recipient's first events; `injected` is the data of the first of all."""
    warnings = [(events.WARNING, {"reason": warning}) for warning in accepted.warnings]
    if job.options.test:
        return [(events.POLICY_REJECTION, TEST), *warnings]
    if address in accepted.left_out:
        return [(events.POLICY_REJECTION, LEFT_OUT)]
    if address in accepted.suppressed:
        return [(events.INJECTION, injected), (events.BOUNCE, SUPPRESSED)]
    return [(events.INJECTION, injected), *warnings]


def _transmission(accepted: Accepted, final: Message, job: Job) -> Transmission:
    options = job.options
    return Transmission(
        transmission_id=accepted.transmission_id,
        queue_id=accepted.queue_id,
        account=job.identity.account,
        credential=job.identity.credential,
        subaccount=job.identity.subaccount,
        dialect=accepted.dialect,
        listener=accepted.listener,
        customer_id=job.customer_id,
        injection_time=accepted.time,
        msg_from=final.sender,
        friendly_from=accepted.friendly_from,
        subject=subject(final.headers),
        msg_size=size(final),
        campaign_id=options.campaign_id,
        metadata=options.metadata,
        tags=options.tags,
        open_tracking=options.open_tracking,
        click_tracking=options.click_tracking,
        initial_pixel=options.open_tracking and options.initial_open_pixel,
        transactional=options.transactional,
        language=accepted.language,
    )


def subject(headers: Sequence[Header]) -> str:
    """Return the subject as a person reads it, as much of it as is kept; "" where there is none."""
    subjects = values(headers, "subject")
    if not subjects:
        return ""
    return rfc2047.decode(unfold(subjects[0]).decode("utf-8", "replace"))[:SUBJECT_LIMIT]


def size(message: Message) -> int:
    """Return the size in bytes: `name: value` and its line end, a blank line, the body."""
    return sum(len(header.name) + len(header.value) + 4 for header in message.headers) + 2 + len(message.body)
