"""Rows about webhooks: where events go, in which batches, what became of them. Times: Unix milliseconds."""

from dataclasses import dataclass
from typing import Any, Literal

BatchState = Literal["waiting", "delivered", "given_up"]


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where an account has its events posted to. Written again it replaces all but what the batches tell."""

    webhook_id: str  # a UUID
    account: str
    subaccount: str | None  # None: the account with all subaccounts; "": only what is no subaccount's
    name: str
    target: str
    active: bool
    events: tuple[str, ...]  # types
    exceptions: tuple[str, ...]  # subaccounts whose events it does not get; "0": what is no subaccount's
    settings: dict[str, Any]  # under SparkPost's names: see webhooks.form
    secret: str  # whsec_...
    created: int
    last_successful: int | None = None
    last_failure: int | None = None


@dataclass(frozen=True, slots=True)
class WebhookRemoved:
    """A webhook goes, and with it what it still had to get."""

    webhook_id: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that are posted together; written, they are out of the outbox.

    Nothing is written where the webhook has been removed meanwhile.
    """

    batch_id: int
    webhook_id: str
    event_ids: tuple[int, ...]
    created: int
    state: BatchState = "waiting"
    next_attempt: int = 0
    attempts: int = 0
    tried: int = 0  # when last
    latency: int = 0  # milliseconds that the last attempt took
    response_code: int | None = None  # None: no answer
    failure: str = ""


@dataclass(frozen=True, slots=True)
class BatchTried:
    """What became of an attempt to post a batch; the fields are the batch's after it."""

    batch_id: int
    state: BatchState
    next_attempt: int
    tried: int
    latency: int
    response_code: int | None
    failure: str


@dataclass(frozen=True, slots=True)
class Replay:
    """Events that a webhook gets again: those with `since` <= time < `until`, or of one transmission alone.

    Only what the webhook asks for now; what still waits for it comes once.
    """

    webhook_id: str
    since: int
    until: int
    transmission_id: int | None = None
