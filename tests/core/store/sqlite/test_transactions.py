"""One connection that writes; test_writer asks the rest of it."""

from pathlib import Path

import pytest

from estafeta_core.store.errors import StoreUnavailable
from estafeta_core.store.sqlite.backend import SqliteBackend


def test_nothing_is_written_outside_a_transaction(tmp_path: Path) -> None:
    transactions = SqliteBackend(tmp_path / "estafeta.db", 1.0).writing(checkpoints=False)
    with pytest.raises(StoreUnavailable, match="no transaction has begun"):
        transactions.run(0, [])
    transactions.begin()
    transactions.command("INSERT INTO tags VALUES ('acme', 'a')")
    transactions.disconnect()
    with pytest.raises(StoreUnavailable, match="no transaction has begun"):
        transactions.finish()
    transactions.begin()
    transactions.end()
    assert transactions.connection is not None
    assert transactions.connection.execute("SELECT * FROM tags").fetchall() == []
    transactions.close()


def test_only_whoever_checkpoints_has_something_to_do_from_time_to_time(tmp_path: Path) -> None:
    there = SqliteBackend(tmp_path / "estafeta.db", 1.0)
    assert there.writing(checkpoints=False).pause is None
    assert there.writing(checkpoints=True).pause == 1.0
