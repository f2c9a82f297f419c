"""A person's address taken out of the store: out of every row, and out of the file.

What happened stays, because statistics count it: a message to the person keeps its row, with ERASED in the
place of the address, and its events keep their type, time and bounce class, and nothing that a remote host,
a browser or a message said. Contacts, places in groups, tags with the address in them and a web version made
for the person go. Everywhere else the address is replaced in texts that name it: TEXTS, where a table that
keeps texts needs its line.

Rows are found by reading all tables, which keeps no writer waiting, and changed a few at a time. It may be
broken off and done again. In the end the back end takes what was overwritten out of its files too (`purge`).

Raises StoreUnavailable.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal, NamedTuple

from estafeta_core.addresses import mailbox_key
from estafeta_core.store.backend import Backend, Editing

ERASED = "erased@invalid"  # RFC 2606: no mail ever goes there; statements.py takes no event of such a message
BATCH = 200  # messages or rows to a transaction, for which everybody else waits

# What stays of an event of the person: it counts something, and says nothing about anybody.
KEPT = frozenset(
    {
        *("bounce_class", "error_code", "num_retries", "queue_time"),
        *("delv_method", "recv_method", "ip_pool", "outbound_tls", "fbtype"),
    }
)

Part = Literal["messages", "events", "contents", "contacts", "groups", "tags", "texts", "suppressions"]


class Texts(NamedTuple):
    """Columns of a table that may name an address in what they say; it has a column `account`."""

    table: str
    key: tuple[str, ...]
    plain: tuple[str, ...]
    json: tuple[str, ...] = ()


TEXTS = (
    Texts(
        "transmissions",
        ("transmission_id",),
        ("msg_from", "friendly_from", "subject", "campaign_id"),
        ("metadata", "tags"),
    ),
    Texts("events", ("event_id",), (), ("data",)),
    Texts("groups", ("group_id",), ("name",)),
)


@dataclass(slots=True)
class Erased:
    """What was done."""

    counts: dict[Part, int] = field(default_factory=dict)  # rows of each part
    digests: set[str] = field(default_factory=set)  # of web versions that no row names any more
    purged: bool = False  # False: somebody was reading all the time; do it again

    def add(self, part: Part, number: int) -> None:
        """Count rows."""
        self.counts[part] = self.counts.get(part, 0) + number


class Erasure:
    """One address, in one account or in all."""

    def __init__(self, backend: Backend, address: str, account: str | None = None) -> None:
        self._backend = backend
        self._key = mailbox_key(address)
        self._account = account
        self._naming = _Naming({address, self._key})
        self.erased = Erased()

    def run(self, *, forget_suppressions: bool = False) -> Erased:
        """Do all of it; that the person is not mailed stays known unless it is to be forgotten too."""
        with self._backend.editing() as editing:
            self._messages(editing)
            self._rows(editing, "contacts", self._found(editing, "contacts", "account, address", "address"))
            self._rows(editing, "groups", self._in_groups(editing))
            self._rows(editing, "tags", self._tagged(editing))
            if forget_suppressions:
                key = "account, subaccount, recipient, type"
                found = self._found(editing, "suppressions", key, "recipient")
                self._rows(editing, "suppressions", found)
            self._texts(editing)
            self.erased.purged = editing.purge()
        return self.erased

    def _messages(self, editing: Editing) -> None:
        sql = """SELECT m.message_id, m.transmission_id, t.account FROM messages m
            JOIN transmissions t ON t.transmission_id = m.transmission_id
            WHERE m.rcpt_to = ?1 AND (?2 IS NULL OR t.account = ?2)"""
        found = list(editing.rows(sql, (self._key, self._account)))
        for batch in _batches(found):
            with editing.transaction():
                for message_id, transmission_id, account in batch:
                    self._message(editing, message_id, transmission_id)
                    self._content(editing, message_id, transmission_id, account)

    def _message(self, editing: Editing, message_id: int, transmission_id: int) -> None:
        sql = "UPDATE messages SET rcpt_to = ?1, raw_rcpt_to = ?1 WHERE message_id = ?2"
        editing.run(sql, (ERASED, message_id))
        self.erased.add("messages", 1)
        of_message = "SELECT event_id, data FROM events WHERE transmission_id = ? AND message_id = ?"
        for event_id, data in editing.run(of_message, (transmission_id, message_id)):
            kept = {name: value for name, value in json.loads(data).items() if name in KEPT}
            editing.run("UPDATE events SET data = ? WHERE event_id = ?", (_json(kept), event_id))
            self.erased.add("events", 1)

    def _content(self, editing: Editing, message_id: int, transmission_id: int, account: str) -> None:
        """Take the web version of a send away when it is the one this person got."""
        sql = "DELETE FROM contents WHERE transmission_id = ? AND message_id = ? RETURNING digest"
        for (digest,) in editing.run(sql, (transmission_id, message_id)):
            editing.run("DELETE FROM files WHERE account = ? AND digest = ?", (account, digest))
            self.erased.digests.add(digest)
            self.erased.add("contents", 1)

    def _found(self, editing: Editing, table: str, key: str, column: str) -> list["_Row"]:
        sql = f"SELECT {key} FROM {table} WHERE {column} = ?1 AND (?2 IS NULL OR account = ?2)"  # noqa: S608 - names of ours
        return [_Row(table, key, values) for values in editing.rows(sql, (self._key, self._account))]

    def _in_groups(self, editing: Editing) -> list["_Row"]:
        sql = """SELECT c.group_id, c.address FROM groups g JOIN group_contacts c
            ON c.group_id = g.group_id AND c.address = ?1 WHERE ?2 IS NULL OR g.account = ?2"""
        found = editing.rows(sql, (self._key, self._account))
        return [_Row("group_contacts", "group_id, address", values) for values in found]

    def _tagged(self, editing: Editing) -> list["_Row"]:
        found = editing.rows(
            "SELECT account, tag FROM tags WHERE ?1 IS NULL OR account = ?1", (self._account,)
        )
        return [_Row("tags", "account, tag", values) for values in found if self._naming.names(values[1])]

    def _rows(self, editing: Editing, part: Part, rows: Iterable["_Row"]) -> None:
        """Delete rows."""
        for batch in _batches(rows):
            with editing.transaction():
                for row in batch:
                    places = ", ".join("?" * len(row.values))
                    sql = f"DELETE FROM {row.table} WHERE ({row.key}) = ({places}) RETURNING 1"  # noqa: S608 - names of ours
                    self.erased.add(part, len(editing.run(sql, row.values)))

    def _texts(self, editing: Editing) -> None:
        for texts in (*TEXTS, *self._descriptions()):
            columns = (*texts.plain, *texts.json)
            sql = (
                f"SELECT {', '.join((*texts.key, *columns))} FROM {texts.table}"  # noqa: S608 - names of ours
                " WHERE ?1 IS NULL OR account = ?1"
            )
            set_ = ", ".join(f"{column} = ?" for column in columns)
            where = " AND ".join(f"{column} = ?" for column in texts.key)
            update = f"UPDATE {texts.table} SET {set_} WHERE {where}"  # noqa: S608 - names of ours
            named = self._named(texts, editing.rows(sql, (self._account,)))
            for batch in _batches(named):
                with editing.transaction():
                    for values in batch:
                        editing.run(update, values)
                self.erased.add("texts", len(batch))

    def _descriptions(self) -> Iterator[Texts]:
        """Yield the texts of suppressions, where other people's may quote this address."""
        yield Texts("suppressions", ("account", "subaccount", "recipient", "type"), ("description",))

    def _named(self, texts: Texts, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """Yield new values and key of each row that names the person; his own suppression stays as it is."""
        begin = len(texts.key)
        for row in rows:
            values = row[begin:]
            if not any(map(self._naming.names, values)) or self._key in row[:begin]:
                continue
            plain = map(self._naming.without, values[: len(texts.plain)])
            objects = map(self._naming.without_json, values[len(texts.plain) :])
            changed = (*plain, *objects)
            if changed != values:
                yield (*changed, *row[:begin])


class _Row(NamedTuple):
    table: str
    key: str  # its columns, separated by commas
    values: tuple[Any, ...]


class _Naming:
    """Finds an address in texts, in any case, and not inside a longer address."""

    def __init__(self, spellings: set[str]) -> None:
        every = {*spellings, *(_json(spelling)[1:-1] for spelling in spellings)}
        self._found = [spelling.lower() for spelling in every]
        joined = "|".join(map(re.escape, sorted(spellings, key=len, reverse=True)))
        self._pattern = re.compile(rf"(?<![\w.+%-])(?:{joined})(?![\w-]|\.\w)", re.IGNORECASE)

    def names(self, text: str) -> bool:
        """Return whether a text may name the address; quick, as nearly none does."""
        lower = text.lower()
        return any(spelling in lower for spelling in self._found)

    def without(self, text: str) -> str:
        """Return a text with ERASED in the place of the address."""
        return self._pattern.sub(ERASED, text)

    def without_json(self, text: str) -> str:
        """Return JSON with ERASED in the place of the address, in keys too."""
        return _json(self._replaced(json.loads(text)))

    def _replaced(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.without(value)
        if isinstance(value, list):
            return [self._replaced(each) for each in value]
        if isinstance(value, dict):
            return {self.without(name): self._replaced(each) for name, each in value.items()}
        return value


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    every = iter(rows)
    while batch := list(islice(every, BATCH)):
        yield batch
