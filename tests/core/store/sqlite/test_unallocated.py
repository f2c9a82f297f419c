"""What rows leave behind when they move to another page is zeroed, and every row stays what it was."""

import contextlib
import random
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from estafeta_core.store.errors import StoreUnavailable
from estafeta_core.store.sqlite.backend import SqliteBackend
from estafeta_core.store.sqlite.database import Database
from estafeta_core.store.sqlite.editing import SqliteEditing
from estafeta_core.store.sqlite.unallocated import Unallocated

PERSON = "erased.person@example.net"
LUCKY = 4  # of the seeds, the one with which nothing is left of the person, only of others


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store in which a person came and went, in no order and with texts of any length."""
    return filled(tmp_path / "estafeta.db", 7)


def filled(path: Path, seed: int, number: int = 1500) -> Path:
    there = SqliteBackend(path, 1.0)
    there.prepare()
    chance = random.Random(seed)
    with there.editing() as editing, editing.transaction():
        for each in chance.sample(range(2 * number), number):
            person = PERSON if chance.random() < 0.2 else f"{each}@example.net"
            words = f"550 <{person}> " + "x" * chance.randint(0, 600)
            words *= 20 if chance.random() < 0.02 else 1  # over several pages
            editing.run("INSERT INTO messages VALUES (?, 1, ?, ?, 'to')", (each, person, words))
            editing.run(
                "INSERT INTO suppressions VALUES (?, '', ?, 'transactional', 'x', ?, 1, 1)"
                " ON CONFLICT DO NOTHING",
                (f"a{each % 40}", person, words),
            )
    with there.editing() as editing, editing.transaction():
        editing.run("UPDATE messages SET rcpt_to = 'x', raw_rcpt_to = 'x' WHERE rcpt_to = ?", (PERSON,))
        editing.run("DELETE FROM suppressions WHERE recipient = ?", (PERSON,))
    emptied(path)
    return path


@contextlib.contextmanager
def connected(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(Database(path, 1.0).connect_writer()) as connection:
        yield connection


def rows(path: Path) -> list[str]:
    with connected(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return list(connection.iterdump())


def emptied(path: Path) -> None:
    """Move the WAL into the file."""
    with connected(path) as connection:
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


def purge(path: Path) -> bool:
    with contextlib.closing(SqliteEditing(Database(path, 1.0))) as editing:
        return editing.purge()


@pytest.mark.parametrize("seed", range(8))
def test_what_was_moved_and_then_erased_is_nowhere_in_the_file(tmp_path: Path, seed: int) -> None:
    path = filled(tmp_path / "estafeta.db", seed)
    before = rows(path)
    assert list(Unallocated(path).soiled())  # or this shows nothing
    assert PERSON.encode() in path.read_bytes() or seed == LUCKY
    assert purge(path)
    assert PERSON.encode() not in path.read_bytes()
    assert not list(Unallocated(path).soiled())
    assert rows(path) == before


def test_a_connection_that_has_the_pages_in_memory_does_not_write_them_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads them when the WAL is empty and they are not cleared yet, and changes them right afterwards."""
    with connected(path) as other, contextlib.closing(SqliteEditing(Database(path, 1.0))) as editing:
        other.execute("PRAGMA cache_size = -100000")
        clear = editing._clear

        def between(unallocated: Unallocated, pages: set[int]) -> bool:
            other.execute("SELECT sum(length(raw_rcpt_to)) FROM messages").fetchall()
            other.execute("SELECT sum(length(description)) FROM suppressions").fetchall()
            done = clear(unallocated, pages)
            other.execute("UPDATE messages SET rcpt_type = 'cc'")
            other.execute("UPDATE suppressions SET updated = 2")
            return done

        monkeypatch.setattr(editing, "_clear", between)
        assert editing.purge()
    assert PERSON.encode() not in path.read_bytes()
    assert {kind for (kind,) in read(path, "SELECT rcpt_type FROM messages")} == {"cc"}


def test_a_program_that_writes_without_our_lock_is_waited_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time the WAL is empty it has written again, twice; what it has in the WAL would come back."""
    left = 2
    with connected(path) as other, contextlib.closing(SqliteEditing(Database(path, 1.0))) as editing:
        begun = editing._begun

        def interrupted() -> contextlib.AbstractContextManager[None]:
            nonlocal left
            if left:
                left -= 1
                other.execute("UPDATE messages SET rcpt_type = ?", (str(left),))
            return begun()

        monkeypatch.setattr(editing, "_begun", interrupted)
        assert editing.purge()
    assert left == 0
    emptied(path)
    assert PERSON.encode() not in path.read_bytes()
    assert {kind for (kind,) in read(path, "SELECT rcpt_type FROM messages")} == {"0"}


def read(path: Path, sql: str) -> list[tuple[object, ...]]:
    with connected(path) as connection:
        return connection.execute(sql).fetchall()


def test_a_program_that_holds_the_write_lock_for_a_moment_is_waited_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        connected(path) as other,
        contextlib.closing(SqliteEditing(Database(path, 1.0))) as editing,
    ):
        clear = editing._clear

        def interrupted(unallocated: Unallocated, pages: set[int]) -> bool:
            monkeypatch.setattr(editing, "_clear", clear)
            other.execute("BEGIN IMMEDIATE")
            done = clear(unallocated, pages)
            other.execute("ROLLBACK")
            return done

        monkeypatch.setattr(editing, "_clear", interrupted)
        assert editing.purge()
    assert PERSON.encode() not in path.read_bytes()


def test_what_is_written_while_the_file_is_looked_through_is_cleared_too(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite may give what it has of a page the number of one that was looked at: here all have been."""
    written: set[int] = set()
    look = Unallocated.soiled

    def looked(unallocated: Unallocated) -> Iterator[int]:
        with connected(path) as other:
            other.execute("UPDATE messages SET rcpt_type = 'cc'")
            written.update(unallocated.written(Database(path, 1.0).wal()))
            other.execute("PRAGMA busy_timeout = 0")
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return iter(())

    soiled = set(look(Unallocated(path)))
    monkeypatch.setattr(Unallocated, "soiled", looked)
    assert purge(path)
    assert len(written & soiled) > 10
    assert not written & set(look(Unallocated(path)))


@pytest.mark.parametrize("seed", range(4))
def test_the_maps_of_a_file_that_shrinks_by_itself_are_left_alone(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "estafeta.db"
    SqliteBackend(path, 1.0).prepare()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = delete")
        connection.execute("PRAGMA auto_vacuum = incremental")
        connection.execute("VACUUM")
    filled(path, seed, number=6000)
    with connected(path) as connection:
        connection.execute("DELETE FROM messages WHERE message_id < 4500")
    before = rows(path)
    assert purge(path)
    assert rows(path) == before
    assert PERSON.encode() not in path.read_bytes()


def test_a_path_may_be_a_link(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(path)
    assert purge(link)
    assert PERSON.encode() not in path.read_bytes()


def test_a_page_that_the_file_has_no_more_is_left_alone(path: Path) -> None:
    emptied(path)
    size = path.stat().st_size
    Unallocated(path).clear(size)
    assert path.stat().st_size == size


def test_a_file_with_pages_that_cannot_be_told_apart_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("estafeta_core.store.sqlite.unallocated._PAGES", 100)
    with pytest.raises(StoreUnavailable, match="has 100 pages or more, which VACUUM alone clears"):
        purge(path)


def test_a_reader_that_keeps_the_wal_is_waited_for_and_not_for_ever(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("estafeta_core.store.sqlite.editing.EMPTYING", 0.1)
    with connected(path) as reader, connected(path) as writer:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM messages").fetchall()
        writer.execute("UPDATE messages SET rcpt_type = 'cc'")
        assert not purge(path)
        reader.execute("COMMIT")
        assert purge(path)


def test_pages_that_are_no_tree_are_left_alone(path: Path) -> None:
    """What begins as a page of a tree does, but has no pointers to within itself, is something else."""
    emptied(path)
    text = b"\x0d\x00\x00\x01" + b"overflowing text" * 300
    with path.open("ab") as file:
        file.write(text[:4096])
        file.write(b"\x0a\x00\x00\x00\x02\x10\x00\x00" + b"t" * 4088)  # its cells are nowhere
        file.write(b"\x0d\xff\xff\x00\x00\x10\x00\x00" + b"t" * 4088)  # nor its free block
    size = path.stat().st_size
    assert [place for place in Unallocated(path).soiled() if place >= size - 3 * 4096] == []


def test_a_file_is_opened_once(path: Path, tmp_path: Path) -> None:
    """Closing it would end the locks that SQLite has on it in this process."""
    other = tmp_path / "other.db"
    shutil.copy(path, other)
    assert Unallocated(path)._file == Unallocated(path)._file != Unallocated(other)._file
