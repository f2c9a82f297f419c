"""What the store keeps, a dataclass per table; `migrations/` says the same in SQL.

Those of webhooks are in `outgoing_rows`, those about credentials and domains in `standing_rows`, those of
accounts in `account_rows`.

`TokenEvent`, `Unsubscribed` and `Bounced` have no table of their own: they are how the web service
and the mail intake, which know only a token, write events and suppressions. `Automated` marks an event,
`Forget` and `Lifted` take rows away.

Times are Unix milliseconds. `account` and `subaccount` stand on every row that is
asked for by tenant, so that no query crosses tenants by way of a join.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from estafeta_core.store.account_rows import AccountRow
from estafeta_core.store.outgoing_rows import Batch, BatchTried, Replay, Webhook, WebhookRemoved
from estafeta_core.store.standing_rows import DomainAwaited, DomainChecked, Suspension, SuspensionLifted

Counter = Literal["messages", "recipients"]
Expiring = Literal[
    "files",
    "contents",
    "requeued",
    "events",
    "contacts",
    "group_contacts",
    "groups",
    "suppressions",
    "batches",
]
Eventful = Literal["messages", "transmissions"]
WHOLE = 0  # in the place of a message id, and never one: all messages of the transmission


@dataclass(frozen=True, slots=True)
class Transmission:
    """One accepted SMTP transaction."""

    transmission_id: int
    queue_id: str
    account: str
    credential: str
    subaccount: str | None
    dialect: str
    listener: str
    customer_id: str
    injection_time: int
    msg_from: str  # envelope sender as it leaves
    friendly_from: str  # the address in From
    subject: str
    msg_size: int
    campaign_id: str
    metadata: dict[str, Any]
    tags: tuple[str, ...]
    open_tracking: bool
    click_tracking: bool
    initial_pixel: bool
    transactional: bool
    language: str = ""  # ISO 639-1; "" where the message does not say


@dataclass(frozen=True, slots=True)
class Message:
    """One recipient's copy."""

    message_id: int
    transmission_id: int
    rcpt_to: str  # in the form of addresses.mailbox_key; erased@invalid where it was erased
    raw_rcpt_to: str  # as the client gave it
    rcpt_type: str = ""  # "" for RCPT TO; cc, bcc, archive


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; `data` holds the fields only this kind of event has."""

    event_id: int
    type: str  # SparkPost's names: injection, delivery, bounce, delay, open, initial_open, click, ...
    timestamp: int
    transmission_id: int
    message_id: int | None  # None where a token was shared by all recipients of a transmission
    account: str
    subaccount: str | None
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address an account does not mail; a row of each type that applies.

    One that is there already stays as it is: what happened does not undo what a person wrote.
    """

    account: str
    subaccount: str | None
    recipient: str  # in the form of addresses.mailbox_key
    type: str  # one of suppression.TYPES
    source: str  # one of suppression.SOURCES, which are SparkPost's
    description: str
    created: int
    updated: int = 0  # when it was last written; 0 in a new one: when it was created


@dataclass(frozen=True, slots=True)
class Renewal:
    """A suppression as a person wants it: one that is there already becomes this one, and keeps `created`."""

    suppression: Suppression


@dataclass(frozen=True, slots=True)
class Lifted:
    """That an account mails an address again, as far as this type goes."""

    account: str
    subaccount: str | None
    recipient: str  # in the form of addresses.mailbox_key
    type: str


@dataclass(frozen=True, slots=True)
class TokenEvent:
    """What a recipient did, known by a token alone: the store adds transmission and account itself.

    Written twice it is there once, and an unsubscribe counts once for each way of leaving. Nothing is
    written when the store no longer knows the message, nor an open of a recipient who is on the account's
    list with the type `open_tracking`.
    """

    event_id: int
    type: str
    timestamp: int
    id: int  # a message id, or a transmission id where the token was shared
    shared: bool
    data: dict[str, Any] = field(default_factory=dict)
    scanned: tuple[int, ...] = ()  # earlier events that this one shows to be no person's


@dataclass(frozen=True, slots=True)
class Automated:
    """That an event which is there was no person's; a reason that it has stays."""

    event_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """The recipient of a message wants no more; the store finds who that is and which type applies.

    A suppression that is there already stays as it is.
    """

    message_id: int
    source: str
    created: int


@dataclass(frozen=True, slots=True)
class Bounced:
    """The recipient of a message cannot be reached for good: no mail of either type goes there any more.

    A suppression that is there already stays as it is.
    """

    message_id: int
    source: str
    description: str
    created: int


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag that an account has used; kept only for accounts that may have so many and no more."""

    account: str
    tag: str


@dataclass(frozen=True, slots=True)
class File:
    """That an account keeps a file; the same file kept again is the same row, with the later time.

    The bytes lie below state_dir, under the digest alone, however many accounts keep them.
    """

    account: str
    digest: str  # SHA-256 in hexadecimal
    size: int  # bytes
    kept: int  # when it was last sent


@dataclass(frozen=True, slots=True)
class Content:
    """The HTML of a transmission, as one of its recipients got it; its bytes are a kept file."""

    transmission_id: int
    message_id: int  # whose links are in it
    account: str
    digest: str
    charset: str  # as the part was labelled; "" for none
    created: int


@dataclass(frozen=True, slots=True)
class Group:
    """The contacts of one SMTP transaction, with its mark in the name."""

    group_id: int
    account: str
    name: str
    transmission_id: int | None  # None where no message came
    created: int


@dataclass(frozen=True, slots=True)
class Contact:
    """An address that an account has named as a recipient; the first time counts."""

    account: str
    address: str  # in the form of addresses.mailbox_key
    created: int


@dataclass(frozen=True, slots=True)
class GroupContact:
    """An address in a group."""

    group_id: int
    address: str  # in the form of addresses.mailbox_key


@dataclass(frozen=True, slots=True)
class Requeued:
    """That one queue file is a copy taken from another: what becomes of it is told under its own queue id.

    Whose copy it is stays None until the original's queue is done with that recipient. It is `WHOLE` where
    Postfix was told to queue all that was left of a message anew.
    """

    queue_id: str
    original: str  # that of the transmission, whatever came in between
    time: int
    message_id: int | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """That there is more of something that is counted over the life of the store.

    It is written with the rows that it counts, or not at all. Labels are the program's own words and few: a
    row stays for each.
    """

    counter: Counter
    label: str  # messages: how their copies were made; recipients: why they get one
    number: int = 1


@dataclass(frozen=True, slots=True)
class Forget:
    """Take the oldest rows away, at most `limit` of them: those from `before` a time, and no younger one.

    A file sent again meanwhile is younger by then, and stays. The bound is there because everybody waits for
    a transaction.
    """

    what: Expiring
    before: int
    limit: int


@dataclass(frozen=True, slots=True)
class ForgetUneventful:
    """Take away those with `after` < id <= `upto` of which the store has no event any more.

    A transmission goes after its messages. Whoever asks chooses the ids so that there are few in between.
    """

    what: Eventful
    after: int
    upto: int


@dataclass(frozen=True, slots=True)
class LogPosition:
    """How far a log has been read: written in the transaction of the events read up to there."""

    log: str  # the configured path
    inode: int
    offset: int


@dataclass(frozen=True, slots=True)
class LeaseTaken:
    """That a node has a lease for so many milliseconds from now on, if it is over or the node's already."""

    name: str
    node: str
    milliseconds: int


@dataclass(frozen=True, slots=True)
class LeaseHeld:
    """Rows written together with this one are refused unless the node has the lease."""

    name: str
    node: str


@dataclass(frozen=True, slots=True)
class LeaseReleased:
    """That a node's lease is over."""

    name: str
    node: str


Row = (
    Transmission
    | Message
    | Event
    | Suppression
    | Renewal
    | Lifted
    | TokenEvent
    | Automated
    | Unsubscribed
    | Bounced
    | LogPosition
    | Tag
    | File
    | Content
    | Group
    | Contact
    | GroupContact
    | Requeued
    | Count
    | Forget
    | ForgetUneventful
    | Webhook
    | WebhookRemoved
    | Batch
    | BatchTried
    | Replay
    | Suspension
    | SuspensionLifted
    | DomainAwaited
    | DomainChecked
    | LeaseTaken
    | LeaseHeld
    | LeaseReleased
    | AccountRow
)
