"""The file as a store."""

from pathlib import Path

import pytest

from estafeta_core.store.errors import StoreUnavailable
from estafeta_core.store.sqlite.backend import SqliteBackend


def test_the_file_is_made_by_whoever_prepares_it_and_by_nobody_who_looks(tmp_path: Path) -> None:
    there = SqliteBackend(tmp_path / "estafeta.db", 1.0)
    assert there.name == str(tmp_path / "estafeta.db")
    assert not there.made()
    there.asking().close()
    there.writing(checkpoints=False).close()
    assert not there.made()
    there.prepare()
    assert there.made()


def test_whoever_prepares_waits_for_another_and_not_for_ever(tmp_path: Path) -> None:
    there = SqliteBackend(tmp_path / "estafeta.db", 0.1)
    lock = there.lock()
    lock.acquire()
    with pytest.raises(StoreUnavailable, match="another process holds its lock"):
        there.prepare()
    lock.close()
    there.prepare()
