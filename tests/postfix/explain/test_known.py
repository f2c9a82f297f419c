import contextlib
from pathlib import Path

import pytest

from estafeta_core.store import StoreUnavailable, open_store
from estafeta_core.store.rows import Suppression
from estafeta_postfix.explain.known import NoStore, open_known

KIND = ("non_transactional",)


def test_where_there_is_no_store_nothing_is_known_and_none_is_made(tmp_path: Path) -> None:
    with contextlib.closing(open_known(f"sqlite:///{tmp_path}/no.db")) as store:
        assert isinstance(store, NoStore)
        assert store.is_suppressed("acme", None, ["alice@example.net"], KIND) == set()
        assert store.tags("acme") == set()
        assert store.kept("acme") == 0
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_there_is_asked(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/estafeta.db"
    with contextlib.closing(open_store(url)) as store:
        store.record([Suppression("acme", None, "alice@example.net", KIND[0], "Manually Added", "", 0)])
    with contextlib.closing(open_known(url)) as known:
        assert known.is_suppressed("acme", None, ["Alice@example.net"], KIND) == {"Alice@example.net"}


def test_a_file_that_is_no_store_is_neither_migrated_nor_believed(tmp_path: Path) -> None:
    path = tmp_path / "estafeta.db"
    path.touch()
    with contextlib.closing(open_known(f"sqlite:///{path}")) as known, pytest.raises(StoreUnavailable):
        known.tags("acme")
    assert path.read_bytes() == b""
