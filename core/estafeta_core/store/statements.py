"""Rows to SQL and its values, and back. JSON fields are compact JSON text, booleans are 0 and 1.

The conversions are written out, because they run for every message:
dataclasses.astuple takes twenty times as long.
"""

import json
from collections.abc import Callable
from typing import Any

from estafeta_core.store.account_rows import AccountEntry, AccountsChanged, AccountText, EntriesCleared
from estafeta_core.store.outgoing_rows import Batch, BatchTried, Replay, Webhook, WebhookRemoved
from estafeta_core.store.rows import (
    Automated,
    Bounced,
    Contact,
    Content,
    Count,
    Event,
    File,
    Forget,
    ForgetUneventful,
    Group,
    GroupContact,
    LeaseHeld,
    LeaseReleased,
    LeaseTaken,
    Lifted,
    LogPosition,
    Message,
    Renewal,
    Requeued,
    Row,
    Suppression,
    Tag,
    TokenEvent,
    Transmission,
    Unsubscribed,
)
from estafeta_core.store.standing_rows import DomainAwaited, DomainChecked, Suspension, SuspensionLifted
from estafeta_core.store.writes import STATEMENTS

Values = tuple[Any, ...]

_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def _text(text: str) -> str:
    """Return `text` as SQLite takes it: bytes of a message that are not UTF-8 arrive as lone surrogates."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _object(value: dict[str, Any]) -> str:
    return _json(value) if value else "{}"


def _transmission(row: Transmission) -> Values:
    return (
        row.transmission_id,
        row.queue_id,
        row.account,
        row.credential,
        row.subaccount,
        row.dialect,
        row.listener,
        row.customer_id,
        row.injection_time,
        _text(row.msg_from),
        _text(row.friendly_from),
        _text(row.subject),
        row.msg_size,
        _text(row.campaign_id),
        _object(row.metadata),
        _json(row.tags) if row.tags else "[]",
        +row.open_tracking,
        +row.click_tracking,
        +row.initial_pixel,
        +row.transactional,
        row.language,
    )


def _message(row: Message) -> Values:
    return (row.message_id, row.transmission_id, _text(row.rcpt_to), _text(row.raw_rcpt_to), row.rcpt_type)


def _event(row: Event) -> Values:
    return (
        row.event_id,
        row.type,
        row.timestamp,
        row.transmission_id,
        row.message_id,
        row.account,
        row.subaccount,
        _object(row.data),
    )


def _token_event(row: TokenEvent) -> Values:
    return (row.event_id, row.type, row.timestamp, _object(row.data), row.id)


def _automated(row: Automated) -> Values:
    return (row.event_id, row.reason)


def _unsubscribed(row: Unsubscribed) -> Values:
    return (row.source, f"message {row.message_id}", row.created, row.message_id)


def _bounced(row: Bounced) -> Values:
    return (row.source, _text(row.description), row.created, row.message_id)


def _suppression(row: Suppression) -> Values:
    return (
        row.account,
        row.subaccount or "",
        _text(row.recipient),
        row.type,
        row.source,
        _text(row.description),
        row.created,
        row.updated or row.created,
    )


def _renewal(row: Renewal) -> Values:
    return _suppression(row.suppression)


def _lifted(row: Lifted) -> Values:
    return (row.account, row.subaccount or "", _text(row.recipient), row.type)


def _log_position(row: LogPosition) -> Values:
    return (row.log, row.inode, row.offset)


def _tag(row: Tag) -> Values:
    return (row.account, _text(row.tag))


def _file(row: File) -> Values:
    return (row.account, row.digest, row.size, row.kept)


def _content(row: Content) -> Values:
    return (row.transmission_id, row.message_id, row.account, row.digest, row.charset, row.created)


def _group(row: Group) -> Values:
    return (row.group_id, row.account, _text(row.name), row.transmission_id, row.created)


def _contact(row: Contact) -> Values:
    return (row.account, _text(row.address), row.created)


def _group_contact(row: GroupContact) -> Values:
    return (row.group_id, _text(row.address))


def _requeued(row: Requeued) -> Values:
    return (row.queue_id, row.original, row.time, row.message_id)


def _count(row: Count) -> Values:
    return (row.counter, row.label, row.number)


def _forget(row: Forget) -> Values:
    return (row.before, row.limit)


def _forget_uneventful(row: ForgetUneventful) -> Values:
    return (row.after, row.upto)


def _webhook(row: Webhook) -> Values:
    return (
        row.webhook_id,
        row.account,
        row.subaccount,
        _text(row.name),
        row.target,
        +row.active,
        _json(row.events),
        _json(row.exceptions),
        _object(row.settings),
        row.secret,
        row.created,
    )


def _webhook_removed(row: WebhookRemoved) -> Values:
    return (row.webhook_id,)


def _batch(row: Batch) -> Values:
    return (
        row.batch_id,
        row.webhook_id,
        _json(row.event_ids),
        len(row.event_ids),
        row.created,
        row.state,
        row.next_attempt,
        row.attempts,
        row.tried,
        row.latency,
        row.response_code,
        row.failure,
    )


def _batch_tried(row: BatchTried) -> Values:
    return (
        row.batch_id,
        row.state,
        row.next_attempt,
        row.tried,
        row.latency,
        row.response_code,
        _text(row.failure),
    )


def _replay(row: Replay) -> Values:
    values = (row.webhook_id, row.since, row.until)
    return values if row.transmission_id is None else (*values, row.transmission_id)


def _suspension(row: Suspension) -> Values:
    counts = (row.recipients, row.complaints, row.bounces)
    return (row.account, row.credential, row.since, row.until, row.reason, *counts)


def _suspension_lifted(row: SuspensionLifted) -> Values:
    return (row.account, row.credential, row.until)


def _domain_awaited(row: DomainAwaited) -> Values:
    return (row.account, row.domain, row.key, row.challenge, row.since, row.due)


def _domain_checked(row: DomainChecked) -> Values:
    before, after = row.before, row.after
    found = (after.state, after.since, after.missing, after.checked, _text(after.answer), after.due)
    return (before.account, before.domain, before.key, before.checked, *found)


def _lease_taken(row: LeaseTaken) -> Values:
    return (row.name, row.node, row.milliseconds)


def _lease(row: LeaseHeld | LeaseReleased) -> Values:
    return (row.name, row.node)


def _accounts_changed(_: AccountsChanged) -> Values:
    return ()


def _entries_cleared(row: EntriesCleared) -> Values:
    return (row.account,)


def _account_text(row: AccountText) -> Values:
    return (row.account, row.before, row.text, row.value)


def _account_entry(row: AccountEntry) -> Values:
    return (*row.entry, row.account)


SQL = tuple(STATEMENTS.values())

_CONVERTERS: dict[type[Row], tuple[str, Callable[[Any], Values]]] = {
    Transmission: ("transmission", _transmission),
    Message: ("message", _message),
    Event: ("event", _event),
    TokenEvent: ("token_event", _token_event),
    Automated: ("automated", _automated),
    Suppression: ("suppression", _suppression),
    Renewal: ("renewal", _renewal),
    Lifted: ("lifted", _lifted),
    Unsubscribed: ("unsubscribed", _unsubscribed),
    Bounced: ("bounced", _bounced),
    LogPosition: ("log_position", _log_position),
    Tag: ("tag", _tag),
    File: ("file", _file),
    Content: ("content", _content),
    Group: ("group", _group),
    Contact: ("contact", _contact),
    GroupContact: ("group_contact", _group_contact),
    Requeued: ("requeued", _requeued),
    Forget: ("forget_files", _forget),
    ForgetUneventful: ("forget_messages", _forget_uneventful),
    Count: ("count", _count),
    Webhook: ("webhook", _webhook),
    WebhookRemoved: ("webhook_removed", _webhook_removed),
    Batch: ("batch", _batch),
    BatchTried: ("batch_tried", _batch_tried),
    Replay: ("replay", _replay),
    Suspension: ("suspension", _suspension),
    SuspensionLifted: ("suspension_lifted", _suspension_lifted),
    DomainAwaited: ("domain_awaited", _domain_awaited),
    DomainChecked: ("domain_checked", _domain_checked),
    LeaseTaken: ("lease_taken", _lease_taken),
    LeaseHeld: ("lease_held", _lease),
    LeaseReleased: ("lease_released", _lease),
    AccountsChanged: ("accounts_changed", _accounts_changed),
    EntriesCleared: ("entries_cleared", _entries_cleared),
    AccountText: ("account_text", _account_text),
    AccountEntry: ("account_entry", _account_entry),
}
_PLACES = {name: place for place, name in enumerate(STATEMENTS)}
_BY_TYPE = {kind: (_PLACES[name], converter) for kind, (name, converter) in _CONVERTERS.items()}


def convert(row: Row) -> tuple[int, Values]:
    """Return the place of the statement in `SQL`, and its values; ValueError for NaN and infinity."""
    place, converter = _BY_TYPE[type(row)]
    if isinstance(row, TokenEvent) and row.shared:
        place = _PLACES["shared_token_event"]
    elif isinstance(row, Forget | ForgetUneventful):
        place = _PLACES[f"forget_{row.what}"]
    elif isinstance(row, Replay) and row.transmission_id is not None:
        place = _PLACES["replay_transmission"]
    return place, converter(row)


def read_transmission(values: Values) -> Transmission:
    """Return the row of `transmissions` whose columns are `values`."""
    metadata, tags, *flags, language = values[14:]
    columns = [*values[:14], json.loads(metadata), tuple(json.loads(tags)), *map(bool, flags), language]
    return Transmission(*columns)


def read_message(values: Values) -> Message:
    """Return the row of `messages` whose columns are `values`."""
    return Message(*values)


def read_event(values: Values) -> Event:
    """Return the row of `events` whose columns are `values`."""
    columns = [*values[:7], json.loads(values[7])]
    return Event(*columns)


def read_webhook(values: Values) -> Webhook:
    """Return the row of `webhooks` whose columns are `values`."""
    active, types, exceptions, settings = values[5:9]
    columns = [bool(active), tuple(json.loads(types)), tuple(json.loads(exceptions)), json.loads(settings)]
    return Webhook(*values[:5], *columns, *values[9:])


def read_batch(values: Values) -> Batch:
    """Return the row of `webhook_batches` whose columns are `values`."""
    columns = [*values[:2], tuple(json.loads(values[2])), *values[4:]]
    return Batch(*columns)
