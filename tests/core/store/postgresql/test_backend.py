"""The database as a store."""

import pytest

from estafeta_core.store.errors import StoreUnavailable
from estafeta_core.store.postgresql.backend import PostgresBackend


def test_the_tables_are_made_by_whoever_prepares_them_and_by_nobody_who_looks(url: str) -> None:
    there = PostgresBackend(url, 5.0)
    assert there.name.startswith("postgresql:///tmp/")
    assert not there.made()
    there.asking().close()
    there.writing(checkpoints=False).close()
    assert not there.made()
    there.prepare()
    assert there.made()


def test_a_server_that_is_not_there_is_unavailable(tmp_path: str) -> None:
    there = PostgresBackend(f"postgresql:///mail?host={tmp_path}", 2.0)
    with pytest.raises(StoreUnavailable, match="No such file or directory"):
        there.made()
    with pytest.raises(StoreUnavailable, match="No such file or directory"):
        there.prepare()
