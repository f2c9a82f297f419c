"""What is read, what is written, and the WAL in the end."""

from pathlib import Path

import pytest

from estafeta_core.store.sqlite.backend import SqliteBackend
from estafeta_core.store.sqlite.editing import SqliteEditing


def break_off(editing: SqliteEditing) -> None:
    with editing.transaction():
        editing.run("INSERT INTO tags VALUES (?, ?)", ("acme", "b"))
        raise KeyError


def test_a_transaction_is_kept_or_undone_and_the_wal_is_emptied(tmp_path: Path) -> None:
    there = SqliteBackend(tmp_path / "estafeta.db", 1.0)
    there.prepare()
    with there.editing() as editing:
        with editing.transaction():
            assert editing.run("INSERT INTO tags VALUES (?, ?) RETURNING tag", ("acme", "a")) == [("a",)]
        with pytest.raises(KeyError):
            break_off(editing)
        assert list(editing.rows("SELECT tag FROM tags WHERE account = ?1", ("acme",))) == [("a",)]
        assert editing.purge()
        assert (tmp_path / "estafeta.db-wal").stat().st_size == 0
