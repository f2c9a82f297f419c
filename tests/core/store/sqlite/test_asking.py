"""The pool, from several threads; what it does with a file that vanished stands in test_reader."""

from pathlib import Path

import pytest

from estafeta_core.store.errors import AnswerTooLong, StoreUnavailable
from estafeta_core.store.sqlite import asking
from estafeta_core.store.sqlite.asking import KEPT, SqliteAsking
from estafeta_core.store.sqlite.backend import SqliteBackend


@pytest.fixture
def pool(tmp_path: Path) -> SqliteAsking:
    there = SqliteBackend(tmp_path / "estafeta.db", 1.0)
    there.prepare()
    return there.asking()


def test_a_connection_is_used_again_and_kept_for_the_parent_after_a_fork(pool: SqliteAsking) -> None:
    for _ in range(KEPT):
        assert pool.query("transmission", [1], 0.0) == []
    assert len(pool._idle) == 1
    kept = pool._idle[0][0]
    pool.after_fork()
    assert not pool._idle
    assert kept.execute("SELECT 1").fetchall() == [(1,)]
    kept.close()
    pool.close()


def test_a_question_that_takes_too_long_says_so(pool: SqliteAsking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "STEPS", 1)
    with pytest.raises(AnswerTooLong, match=r"no answer within 1e-09 s"):
        pool.query("transmission", [1], 1e-9)
    assert pool.query("transmission", [1], 1.0) == []
    pool.close()


def test_a_store_that_is_not_there_is_unavailable_and_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        SqliteBackend(tmp_path / "no.db", 1.0).asking().query("transmission", [1], 0.0)
    assert not (tmp_path / "no.db").exists()
