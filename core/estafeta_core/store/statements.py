"""Rows to SQL and its values, and back. JSON fields are compact JSON text, booleans are 0 and 1.

The conversions are written out, because they run for every message:
dataclasses.astuple takes twenty times as long.
"""

import json
from collections.abc import Callable
from typing import Any

from estafeta_core.store.rows import (
    Automated,
    Batch,
    BatchTried,
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
    Lifted,
    LogPosition,
    Message,
    Renewal,
    Replay,
    Requeued,
    Row,
    Suppression,
    Suspension,
    SuspensionLifted,
    Tag,
    TokenEvent,
    Transmission,
    Unsubscribed,
    Webhook,
    WebhookRemoved,
)

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


# In the order in which a transaction runs them: what a token speaks of comes before its events.
STATEMENTS = {
    "transmission": "INSERT INTO transmissions VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    "message": "INSERT INTO messages VALUES (?,?,?,?,?)",
    "event": "INSERT INTO events VALUES (?,?,?,?,?,?,?,?)",
    "token_event": """INSERT OR IGNORE INTO events
        SELECT ?1, ?2, ?3, transmission_id, message_id, account, subaccount, ?4
        FROM messages JOIN transmissions USING (transmission_id)
        WHERE message_id = ?5 AND rcpt_to <> 'erased@invalid'
        AND (?2 NOT IN ('open', 'initial_open') OR NOT EXISTS (SELECT 1 FROM suppressions s
            WHERE s.account = transmissions.account AND s.subaccount = coalesce(transmissions.subaccount, '')
            AND s.recipient = rcpt_to AND s.type = 'open_tracking'))""",
    "shared_token_event": """INSERT OR IGNORE INTO events
        SELECT ?1, ?2, ?3, transmission_id, NULL, account, subaccount, ?4
        FROM transmissions WHERE transmission_id = ?5""",
    "automated": """UPDATE events SET data = json_insert(data, '$.automated', ?2) WHERE event_id = ?1""",
    "lifted": """DELETE FROM suppressions
        WHERE account = ?1 AND subaccount = ?2 AND recipient = ?3 AND type = ?4""",
    "renewal": """INSERT INTO suppressions VALUES (?,?,?,?,?,?,?,?)
        ON CONFLICT (account, subaccount, recipient, type) DO UPDATE
        SET source = excluded.source, description = excluded.description, updated = excluded.updated""",
    "suppression": """INSERT INTO suppressions VALUES (?,?,?,?,?,?,?,?)
        ON CONFLICT (account, subaccount, recipient, type) DO NOTHING""",
    "unsubscribed": """INSERT OR IGNORE INTO suppressions
        SELECT account, coalesce(subaccount, ''), rcpt_to,
               CASE WHEN transactional THEN 'transactional' ELSE 'non_transactional' END, ?1, ?2, ?3, ?3
        FROM messages JOIN transmissions USING (transmission_id)
        WHERE message_id = ?4 AND rcpt_to <> 'erased@invalid'""",
    "bounced": """INSERT OR IGNORE INTO suppressions
        SELECT account, coalesce(subaccount, ''), rcpt_to, json_each.value, ?1, ?2, ?3, ?3
        FROM messages JOIN transmissions USING (transmission_id)
        JOIN json_each('["transactional","non_transactional"]')
        WHERE message_id = ?4 AND rcpt_to <> 'erased@invalid'""",
    "log_position": "INSERT OR REPLACE INTO log_positions VALUES (?,?,?)",
    "tag": "INSERT OR IGNORE INTO tags VALUES (?,?)",
    "file": """INSERT INTO files VALUES (?1,?2,?3,?4)
        ON CONFLICT (account, digest) DO UPDATE SET kept = max(kept, excluded.kept)""",
    "content": "INSERT INTO contents VALUES (?,?,?,?,?,?)",
    "group": "INSERT INTO groups VALUES (?,?,?,?,?)",
    "contact": "INSERT OR IGNORE INTO contacts VALUES (?,?,?)",
    "group_contact": "INSERT OR IGNORE INTO group_contacts VALUES (?,?)",
    "requeued": """INSERT INTO requeued VALUES (?1,?2,?3,?4)
        ON CONFLICT (queue_id) DO UPDATE SET message_id = coalesce(excluded.message_id, message_id)""",
    "forget_files": """DELETE FROM files WHERE (account, digest) IN
        (SELECT account, digest FROM files WHERE kept < ?1 ORDER BY kept LIMIT ?2)""",
    "forget_contents": """DELETE FROM contents WHERE transmission_id IN
        (SELECT transmission_id FROM contents WHERE created < ?1 ORDER BY created LIMIT ?2)""",
    "forget_requeued": """DELETE FROM requeued WHERE queue_id IN
        (SELECT queue_id FROM requeued WHERE time < ?1 ORDER BY time LIMIT ?2)""",
    "forget_events": """DELETE FROM events WHERE event_id IN
        (SELECT event_id FROM events WHERE timestamp < ?1 ORDER BY timestamp LIMIT ?2)""",
    "forget_messages": """DELETE FROM messages WHERE message_id > ?1 AND message_id <= ?2
        AND NOT EXISTS (SELECT 1 FROM events e WHERE e.transmission_id = messages.transmission_id)""",
    "forget_transmissions": """DELETE FROM transmissions WHERE transmission_id > ?1 AND transmission_id <= ?2
        AND NOT EXISTS (SELECT 1 FROM events e WHERE e.transmission_id = transmissions.transmission_id)
        AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.transmission_id = transmissions.transmission_id)""",
    "forget_contacts": """DELETE FROM contacts WHERE (account, address) IN
        (SELECT account, address FROM contacts WHERE created < ?1 ORDER BY created LIMIT ?2)""",
    "forget_group_contacts": """DELETE FROM group_contacts WHERE (group_id, address) IN
        (SELECT group_id, address FROM group_contacts WHERE group_id < (?1 - 1704067200000) << 22
         ORDER BY group_id LIMIT ?2)""",
    "forget_groups": """DELETE FROM groups WHERE group_id IN
        (SELECT group_id FROM groups WHERE group_id < (?1 - 1704067200000) << 22
         ORDER BY group_id LIMIT ?2)""",
    "forget_suppressions": """DELETE FROM suppressions WHERE (account, subaccount, recipient, type) IN
        (SELECT account, subaccount, recipient, type FROM suppressions WHERE created < ?1
         ORDER BY created LIMIT ?2)""",
    "forget_batches": """DELETE FROM webhook_batches WHERE batch_id IN
        (SELECT batch_id FROM webhook_batches WHERE state <> 'waiting' AND tried < ?1
        ORDER BY tried LIMIT ?2)""",
    "webhook": """INSERT INTO webhooks VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,NULL,NULL)
        ON CONFLICT (webhook_id) DO UPDATE SET name = excluded.name, target = excluded.target,
        active = excluded.active, events = excluded.events, exceptions = excluded.exceptions,
        settings = excluded.settings, secret = excluded.secret""",
    "webhook_removed": "DELETE FROM webhooks WHERE webhook_id = ?1",
    "batch": """INSERT INTO webhook_batches SELECT ?1,webhook_id,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12
        FROM webhooks WHERE webhook_id = ?2""",
    "batch_tried": """UPDATE webhook_batches SET state = ?2, next_attempt = ?3, attempts = attempts + 1,
        tried = ?4, latency = ?5, response_code = ?6, failure = ?7 WHERE batch_id = ?1""",
    "replay": """INSERT OR IGNORE INTO outbox SELECT webhook_id, event_id FROM webhook_wants
        WHERE webhook_id = ?1 AND account = (SELECT account FROM webhooks WHERE webhook_id = ?1)
        AND timestamp >= ?2 AND timestamp < ?3""",
    "replay_transmission": """INSERT OR IGNORE INTO outbox SELECT webhook_id, event_id FROM webhook_wants
        WHERE webhook_id = ?1 AND timestamp >= ?2 AND timestamp < ?3 AND transmission_id = ?4""",
    "suspension": "INSERT OR IGNORE INTO credential_suspensions VALUES (?,?,?,?,?,?,?,?)",
    "suspension_lifted": """UPDATE credential_suspensions SET until = ?3
        WHERE coalesce(until, 0) = 0 AND account = ?1 AND credential = ?2""",
    "count": """INSERT INTO counters VALUES (?1,?2,?3)
        ON CONFLICT (counter, label) DO UPDATE SET number = number + excluded.number""",
}
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
