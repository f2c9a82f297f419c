"""Rows to SQL and its values, and back. JSON fields are compact JSON text, booleans are 0 and 1.

The conversions are written out, because they run for every message:
dataclasses.astuple takes twenty times as long.
"""

import json
from collections.abc import Callable
from typing import Any

from estafeta_core.store.rows import (
    Contact,
    Content,
    Count,
    Event,
    File,
    Forget,
    Group,
    GroupContact,
    Lifted,
    LogPosition,
    Message,
    Requeued,
    Row,
    Suppression,
    Tag,
    TokenEvent,
    Transmission,
    Unsubscribed,
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


def _unsubscribed(row: Unsubscribed) -> Values:
    return (row.source, f"message {row.message_id}", row.created, row.message_id)


def _suppression(row: Suppression) -> Values:
    return (
        row.account,
        row.subaccount or "",
        _text(row.recipient),
        row.type,
        row.source,
        _text(row.description),
        row.created,
    )


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


# In the order in which a transaction runs them: what a token speaks of comes before its events.
STATEMENTS = {
    "transmission": "INSERT INTO transmissions VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    "message": "INSERT INTO messages VALUES (?,?,?,?,?)",
    "event": "INSERT INTO events VALUES (?,?,?,?,?,?,?,?)",
    "token_event": """INSERT OR IGNORE INTO events
        SELECT ?1, ?2, ?3, transmission_id, message_id, account, subaccount, ?4
        FROM messages JOIN transmissions USING (transmission_id) WHERE message_id = ?5""",
    "shared_token_event": """INSERT OR IGNORE INTO events
        SELECT ?1, ?2, ?3, transmission_id, NULL, account, subaccount, ?4
        FROM transmissions WHERE transmission_id = ?5""",
    "lifted": """DELETE FROM suppressions
        WHERE account = ? AND subaccount = ? AND recipient = ? AND type = ?""",
    "suppression": "INSERT OR REPLACE INTO suppressions VALUES (?,?,?,?,?,?,?)",
    "unsubscribed": """INSERT OR IGNORE INTO suppressions
        SELECT account, coalesce(subaccount, ''), rcpt_to,
               CASE WHEN transactional THEN 'transactional' ELSE 'non_transactional' END, ?1, ?2, ?3
        FROM messages JOIN transmissions USING (transmission_id) WHERE message_id = ?4""",
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
    "count": """INSERT INTO counters VALUES (?1,?2,?3)
        ON CONFLICT (counter, label) DO UPDATE SET number = number + excluded.number""",
}
SQL = tuple(STATEMENTS.values())

_CONVERTERS: dict[type[Row], tuple[str, Callable[[Any], Values]]] = {
    Transmission: ("transmission", _transmission),
    Message: ("message", _message),
    Event: ("event", _event),
    TokenEvent: ("token_event", _token_event),
    Suppression: ("suppression", _suppression),
    Lifted: ("lifted", _lifted),
    Unsubscribed: ("unsubscribed", _unsubscribed),
    LogPosition: ("log_position", _log_position),
    Tag: ("tag", _tag),
    File: ("file", _file),
    Content: ("content", _content),
    Group: ("group", _group),
    Contact: ("contact", _contact),
    GroupContact: ("group_contact", _group_contact),
    Requeued: ("requeued", _requeued),
    Forget: ("forget_files", _forget),
    Count: ("count", _count),
}
_PLACES = {name: place for place, name in enumerate(STATEMENTS)}
_BY_TYPE = {kind: (_PLACES[name], converter) for kind, (name, converter) in _CONVERTERS.items()}


def convert(row: Row) -> tuple[int, Values]:
    """Return the place of the statement in `SQL`, and its values; ValueError for NaN and infinity."""
    place, converter = _BY_TYPE[type(row)]
    if isinstance(row, TokenEvent) and row.shared:
        place = _PLACES["shared_token_event"]
    elif isinstance(row, Forget):
        place = _PLACES[f"forget_{row.what}"]
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
