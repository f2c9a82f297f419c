"""A person's address taken out of the store: out of every row, and out of the file.

What happened stays, because statistics count it: a message to the person keeps its row, with ERASED in the
place of the address, and its events keep their type, time and bounce class, and nothing that a remote host,
a browser or a message said. Contacts, places in groups, tags with the address in them and a web version made
for the person go. Everywhere else the address is replaced in texts that name it: TEXTS, where a table that
keeps texts needs its line.

Rows are found by reading all tables, which keeps no writer waiting, and changed a few at a time. It may be
broken off and done again. Overwritten and deleted content is zeroed in the file (`secure_delete`), and the
WAL, which holds pages as they were, is emptied in the end, with every writer and checkpointer kept out.

Raises StoreUnavailable.
"""

import contextlib
import json
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

from estafeta_core.addresses import mailbox_key
from estafeta_core.store.database import Database, translated
from estafeta_core.store.filelock import FileLock

ERASED = "erased@invalid"  # RFC 2606: no mail ever goes there; statements.py takes no event of such a message
BATCH = 200  # messages or rows to a transaction, for which everybody else waits
PAUSE = 0.01  # seconds between two
EMPTYING = 10.0  # seconds to wait for readers that still use the WAL

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
    wal_emptied: bool = False  # False: somebody was reading all the time; do it again

    def add(self, part: Part, number: int) -> None:
        """Count rows."""
        self.counts[part] = self.counts.get(part, 0) + number


class Erasure:
    """One address, in one account or in all."""

    def __init__(self, database: Database, address: str, account: str | None = None) -> None:
        self._database = database
        self._key = mailbox_key(address)
        self._account = account
        self._naming = _Naming({address, self._key})
        self._lock = FileLock(Path(f"{database.path}-lock"))
        self.erased = Erased()

    def run(self, *, forget_suppressions: bool = False) -> Erased:
        """Do all of it; that the person is not mailed stays known unless it is to be forgotten too."""
        with translated(), contextlib.closing(self._database.connect_reader()) as reader:
            with contextlib.closing(self._database.connect_writer()) as writer:
                self._messages(reader, writer)
                self._rows(writer, "contacts", self._found(reader, "contacts", "account, address", "address"))
                self._rows(writer, "groups", self._in_groups(reader))
                self._rows(writer, "tags", self._tagged(reader))
                if forget_suppressions:
                    key = "account, subaccount, recipient, type"
                    found = self._found(reader, "suppressions", key, "recipient")
                    self._rows(writer, "suppressions", found)
                self._texts(reader, writer)
            reader.close()  # what it has read last would keep the WAL from being emptied
            self.erased.wal_emptied = self._empty_wal()
            self._lock.close()
        return self.erased

    def _messages(self, reader: sqlite3.Connection, writer: sqlite3.Connection) -> None:
        sql = """SELECT m.message_id, m.transmission_id, t.account FROM messages m
            JOIN transmissions t ON t.transmission_id = m.transmission_id
            WHERE m.rcpt_to = ?1 AND (?2 IS NULL OR t.account = ?2)"""
        found = reader.execute(sql, (self._key, self._account)).fetchall()
        for batch in _batches(found):
            with self._transaction(writer):
                for message_id, transmission_id, account in batch:
                    self._message(writer, message_id, transmission_id)
                    self._content(writer, message_id, transmission_id, account)

    def _message(self, writer: sqlite3.Connection, message_id: int, transmission_id: int) -> None:
        sql = "UPDATE messages SET rcpt_to = ?1, raw_rcpt_to = ?1 WHERE message_id = ?2"
        writer.execute(sql, (ERASED, message_id))
        self.erased.add("messages", 1)
        of_message = "SELECT event_id, data FROM events WHERE transmission_id = ? AND message_id = ?"
        for event_id, data in writer.execute(of_message, (transmission_id, message_id)).fetchall():
            kept = {name: value for name, value in json.loads(data).items() if name in KEPT}
            writer.execute("UPDATE events SET data = ? WHERE event_id = ?", (_json(kept), event_id))
            self.erased.add("events", 1)

    def _content(
        self, writer: sqlite3.Connection, message_id: int, transmission_id: int, account: str
    ) -> None:
        """Take the web version of a send away when it is the one this person got."""
        sql = "DELETE FROM contents WHERE transmission_id = ? AND message_id = ? RETURNING digest"
        for (digest,) in writer.execute(sql, (transmission_id, message_id)).fetchall():
            writer.execute("DELETE FROM files WHERE account = ? AND digest = ?", (account, digest))
            self.erased.digests.add(digest)
            self.erased.add("contents", 1)

    def _found(self, reader: sqlite3.Connection, table: str, key: str, column: str) -> list["_Row"]:
        sql = f"SELECT {key} FROM {table} WHERE {column} = ?1 AND (?2 IS NULL OR account = ?2)"  # noqa: S608 - names of ours
        return [_Row(table, key, values) for values in reader.execute(sql, (self._key, self._account))]

    def _in_groups(self, reader: sqlite3.Connection) -> list["_Row"]:
        sql = """SELECT c.group_id, c.address FROM groups g JOIN group_contacts c
            ON c.group_id = g.group_id AND c.address = ?1 WHERE ?2 IS NULL OR g.account = ?2"""
        found = reader.execute(sql, (self._key, self._account))
        return [_Row("group_contacts", "group_id, address", values) for values in found]

    def _tagged(self, reader: sqlite3.Connection) -> list["_Row"]:
        found = reader.execute(
            "SELECT account, tag FROM tags WHERE ?1 IS NULL OR account = ?1", (self._account,)
        )
        return [_Row("tags", "account, tag", values) for values in found if self._naming.names(values[1])]

    def _rows(self, writer: sqlite3.Connection, part: Part, rows: Iterable["_Row"]) -> None:
        """Delete rows."""
        for batch in _batches(rows):
            with self._transaction(writer):
                for row in batch:
                    places = ", ".join("?" * len(row.values))
                    sql = f"DELETE FROM {row.table} WHERE ({row.key}) = ({places})"  # noqa: S608 - names of ours
                    self.erased.add(part, writer.execute(sql, row.values).rowcount)

    def _texts(self, reader: sqlite3.Connection, writer: sqlite3.Connection) -> None:
        for texts in (*TEXTS, *self._descriptions()):
            columns = (*texts.plain, *texts.json)
            sql = (
                f"SELECT {', '.join((*texts.key, *columns))} FROM {texts.table}"  # noqa: S608 - names of ours
                " WHERE ?1 IS NULL OR account = ?1"
            )
            set_ = ", ".join(f"{column} = ?" for column in columns)
            where = " AND ".join(f"{column} = ?" for column in texts.key)
            update = f"UPDATE {texts.table} SET {set_} WHERE {where}"  # noqa: S608 - names of ours
            named = self._named(texts, reader.execute(sql, (self._account,)))
            for batch in _batches(named):
                with self._transaction(writer):
                    writer.executemany(update, batch)
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

    @contextlib.contextmanager
    def _transaction(self, writer: sqlite3.Connection) -> Iterator[None]:
        """Write with every other process kept out, then let them in for a moment."""
        self._lock.acquire()
        try:
            writer.execute("BEGIN IMMEDIATE")
            try:
                yield
                writer.execute("COMMIT")
            finally:
                if writer.in_transaction:
                    writer.execute("ROLLBACK")
        finally:
            self._lock.release()
        time.sleep(PAUSE)

    def _empty_wal(self) -> bool:
        """Move everything into the database and cut the WAL to nothing; whether that was possible.

        The worker alone checkpoints otherwise. Under the lock, two never do at once.
        """
        deadline = time.monotonic() + EMPTYING
        with contextlib.closing(self._database.connect_writer()) as writer:
            writer.execute("PRAGMA busy_timeout = 200")  # milliseconds, for which writers wait
            while True:
                self._lock.acquire()
                try:
                    busy = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
                finally:
                    self._lock.release()
                if not busy or time.monotonic() > deadline:
                    return not busy
                time.sleep(PAUSE)


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
