"""What an account may write into its suppression list: SparkPost's types and sources, and a checked entry.

    transactional      no mail that answers something the recipient did
    non_transactional  no other mail
    open_tracking      mail, but nothing is recorded when it is opened: the recipient has not agreed to that

The first two are `MAIL`: whoever names no type means both of them and never the third, which stops no mail.
Raises ValueError, in words for whoever wrote the entry.
"""

from typing import Any

from estafeta_core.addresses import ADDRESS_LIMIT, domain_of, mailbox_key
from estafeta_core.events import iso_time
from estafeta_core.store.rows import Suppression

MAIL = ("transactional", "non_transactional")
OPEN_TRACKING = "open_tracking"
TYPES = (*MAIL, OPEN_TRACKING)

# Where an entry comes from, in SparkPost's words.
BY_HAND = "Manually Added"
BOUNCE_RULE = "Bounce Rule"
LIST_UNSUBSCRIBE = "List Unsubscribe"
UNSUBSCRIBE_LINK = "Unsubscribe Link"
SPAM_COMPLAINT = "Spam Complaint"
CONSENT_REVOKED = "Tracking Consent Revoked"
SOURCES = (
    BY_HAND,
    BOUNCE_RULE,
    LIST_UNSUBSCRIBE,
    UNSUBSCRIBE_LINK,
    SPAM_COMPLAINT,
    "Compliance",
    CONSENT_REVOKED,
)

DESCRIPTION_LIMIT = 2000  # characters; the longest are what a host said, some lines of 512 (RFC 5321)


def entry(
    account: str,
    subaccount: str | None,
    recipient: str,
    kind: str,
    *,
    now: int,
    description: str = "",
    source: str = "",
) -> Suppression:
    """Return the entry, under the one spelling of its mailbox; without a `source` as written by hand."""
    if domain_of(recipient) is None:
        raise ValueError(f"{recipient[:ADDRESS_LIMIT]!r} is no email address")
    if kind not in TYPES:
        raise ValueError(f"Type must be one of: {_listed(TYPES)}")
    if source and source not in SOURCES:
        raise ValueError(f"Source must be one of: {_listed(SOURCES)}")
    if len(description) > DESCRIPTION_LIMIT:
        raise ValueError(f"a description may have {DESCRIPTION_LIMIT} characters")
    usual = CONSENT_REVOKED if kind == OPEN_TRACKING else BY_HAND
    return Suppression(
        account, subaccount, mailbox_key(recipient), kind, source or usual, description, now, now
    )


def view(entry: Suppression) -> dict[str, Any]:
    """Return the entry as SparkPost's API shows it; the field named after its type is the older way."""
    fields: dict[str, Any] = {
        "recipient": entry.recipient,
        "type": entry.type,
        "source": entry.source,
        "created": iso_time(entry.created),
        "updated": iso_time(entry.updated),
    }
    if entry.description:
        fields["description"] = entry.description
    if entry.type in MAIL:
        fields[entry.type] = True
    if entry.subaccount:
        fields["subaccount_id"] = entry.subaccount
    return fields


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)
