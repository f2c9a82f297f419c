"""What is read, what is written, and rows as they were before."""

import pytest

from estafeta_core.store.postgresql.backend import PostgresBackend
from estafeta_core.store.postgresql.editing import PostgresEditing


def break_off(editing: PostgresEditing) -> None:
    with editing.transaction():
        editing.run("INSERT INTO tags VALUES (?, ?)", ("acme", "b"))
        raise KeyError


def test_a_transaction_is_kept_or_undone_and_old_rows_are_taken_away(url: str) -> None:
    there = PostgresBackend(url, 5.0)
    there.prepare()
    with there.editing() as editing:
        with editing.transaction():
            assert editing.run("INSERT INTO tags VALUES (?, ?) RETURNING tag", ("acme", "a")) == [("a",)]
        with pytest.raises(KeyError):
            break_off(editing)
        for _ in editing.rows("SELECT tag FROM tags WHERE ?1 IS NULL OR account = ?1", (None,)):
            with editing.transaction():  # while the rows are being read
                assert editing.run("DELETE FROM tags WHERE tag = ?", ("a",)) == []
        assert list(editing.rows("SELECT tag FROM tags WHERE account = ?1", ("acme",))) == []
        assert editing.purge()
