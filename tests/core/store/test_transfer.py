import contextlib
from pathlib import Path

import pytest

from estafeta_core.store import StoreUnfit, open_store
from estafeta_core.store.rows import LogPosition, Tag
from estafeta_core.store.store import backend
from estafeta_core.store.transfer import MADE, check_empty, copy, tables


def url(folder: Path, name: str) -> str:
    return f"sqlite:///{folder}/{name}.db"


def test_what_triggers_make_is_filled_last_and_leases_never() -> None:
    names = list(tables())
    assert tuple(names[-len(MADE) :]) == MADE
    assert names.index("events") < names.index("webhooks") < names.index("webhook_batches")
    assert "leases" not in names
    assert tables()["tags"] == ("account", "tag")


def test_logs_are_renamed_or_left_out_and_progress_is_told(tmp_path: Path) -> None:
    old, new = (backend(url(tmp_path, name)) for name in ("old", "new"))
    with contextlib.closing(open_store(url(tmp_path, "old"))) as store:
        store.record([LogPosition("a:/log", 1, 2), LogPosition("b:/log", 3, 4), Tag("acme", "spring")])
    told: list[tuple[str, int, int]] = []

    def renamed(log: str) -> str | None:
        return log.removeprefix("a:") if log.startswith("a:") else None

    with old.transfer(writes=False) as source, new.transfer(writes=True) as target:
        copied = copy(source, target, renamed, lambda *each: told.append(each))
    assert (copied["tags"], copied["log_positions"], copied["events"]) == (1, 1, 0)
    assert ("tags", 1, 1) in told
    with contextlib.closing(open_store(url(tmp_path, "new"))) as store:
        assert store.log_position("/log") == LogPosition("/log", 1, 2)
        assert store.tags("acme") == {"spring"}


def test_a_store_is_empty_as_it_is_made_and_not_with_a_row(tmp_path: Path) -> None:
    there = backend(url(tmp_path, "some"))
    with there.transfer(writes=True) as target:
        check_empty(target)
    with contextlib.closing(open_store(url(tmp_path, "some"))) as store:
        store.record([Tag("acme", "spring")])
    with there.transfer(writes=True) as target, pytest.raises(StoreUnfit, match="1 rows in tags"):
        check_empty(target)
