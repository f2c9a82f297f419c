import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from estafeta_core.store import StoreUnavailable, open_store
from estafeta_core.store.rows import Tag
from estafeta_core.store.sqlite import transfer
from estafeta_core.store.sqlite.database import Database
from estafeta_core.store.statements import Values


def broken() -> Iterator[Values]:
    yield ("acme", "spring")
    raise KeyError


def test_an_error_in_the_block_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", 2.0)
    with pytest.raises(KeyError), transfer.opened(database, writes=True) as there:
        there.fill("tags", ("account", "tag"), broken())
    with transfer.opened(database, writes=False) as there:
        assert there.count("tags") == 0


def test_who_writes_meanwhile_waits(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", 2.0)
    with contextlib.closing(open_store(f"sqlite:///{tmp_path}/a.db")) as store:
        with transfer.opened(database, writes=False) as there:
            with pytest.raises(StoreUnavailable, match="not written within"):
                store.record([Tag("acme", "early")], 0.2)
            assert list(there.rows("tags", ("account", "tag"))) == []
        store.record([Tag("acme", "late")])
        assert store.tags("acme") == {"late"}
