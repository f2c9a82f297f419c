import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from estafeta_core.store import Store, open_store
from estafeta_core.store.filelock import FileLock
from estafeta_core.store.rows import LogPosition
from estafeta_postfix.checks import worker
from estafeta_postfix.checks.setup import Setup
from estafeta_postfix.worker import LOCK

Codes = Callable[[], list[tuple[str, str]]]


@pytest.fixture
def store(setup: Setup) -> Iterator[Store]:
    with contextlib.closing(open_store(setup.config.store)) as opened:
        yield opened


@pytest.fixture
def codes(setup: Setup, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Codes]:
    """Return what is found while a worker holds its lock."""
    monkeypatch.setattr(worker, "AGAIN", 0.01)
    monkeypatch.setattr(worker, "BEHIND", 100)
    setup.config.state_dir.mkdir()
    lock = FileLock(setup.config.state_dir / LOCK)
    assert lock.try_acquire(1.0)
    yield lambda: [(each.severity, each.code) for each in worker.look(setup)]
    lock.close()


def write(path: Path, size: int) -> Path:
    path.write_bytes(b"x" * (size - 1) + b"\n")
    return path


def at(store: Store, log: Path, offset: int, file: Path | None = None) -> None:
    store.record([LogPosition(str(log), (file or log).stat().st_ino, offset)])


def test_no_worker_is_told_and_its_lock_is_left_alone(setup: Setup) -> None:
    assert [each.code for each in worker.look(setup)] == ["worker-down"]
    assert not (setup.config.state_dir / LOCK).exists()
    setup.config.state_dir.mkdir()
    (setup.config.state_dir / LOCK).write_text("")
    assert [each.code for each in worker.look(setup)] == ["worker-down"]


def test_a_log_that_is_not_there_is_told(codes: Codes) -> None:
    assert codes() == [("error", "log-missing")]


@pytest.mark.parametrize(("offset", "expected"), [(1000, []), (950, []), (800, [("error", "worker-stands")])])
def test_a_worker_that_does_not_read_is_told(
    setup: Setup, store: Store, codes: Codes, offset: int, expected: list[tuple[str, str]]
) -> None:
    log = write(setup.config.maillog, 1000)
    at(store, log, offset)
    assert codes() == expected


def test_one_that_reads_and_is_behind_is_a_warning(
    setup: Setup, store: Store, codes: Codes, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = write(setup.config.maillog, 1000)
    at(store, log, 100)
    monkeypatch.setattr("time.sleep", lambda _: at(store, log, 200))
    assert codes() == [("warning", "worker-behind")]


def test_a_log_that_was_rotated_is_still_read(setup: Setup, store: Store, codes: Codes) -> None:
    log = setup.config.maillog
    old = write(log.with_name("mail.log.1"), 1000)
    log.write_text("")
    at(store, log, 900, old)
    assert codes() == [], "nothing was logged since"
    write(log, 10)
    assert codes() == [("error", "worker-stands")]
    old.rename(log.with_name("mail.log.1.gz"))
    assert codes() == [("error", "log-gone")]


def test_a_log_that_nobody_began_to_read(setup: Setup, codes: Codes) -> None:
    write(setup.config.maillog, 50)
    assert codes() == []
    write(setup.config.maillog, 500)
    assert codes() == [("error", "worker-stands")]
