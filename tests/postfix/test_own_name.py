import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from estafeta_core.config.schema import Config
from estafeta_core.store import Store, open_store
from estafeta_core.store.rows import LeaseReleased, LeaseTaken
from estafeta_postfix import own_name
from estafeta_postfix.own_name import OwnName

SECONDS = 3.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(open_store(f"sqlite:///{tmp_path}/estafeta.db")) as opened:
        yield opened


@pytest.fixture
def host(store: Store, tmp_path: Path) -> Callable[..., OwnName]:
    """Make a host that goes by the name mx1, whatever it is itself."""

    def made(boot: str, lost: Callable[[], None] = lambda: None) -> OwnName:
        (tmp_path / boot).mkdir(exist_ok=True)
        (tmp_path / boot / own_name.FILE).write_text(boot)
        config = Config(
            hostname="mx.example.com",
            base_url="http://localhost",
            bounce_domain="bounce.example.com",
            listeners={},
            signing_keys=(),
            store="postgresql://db.example.com/estafeta",
            node="mx1",
            run_dir=tmp_path / boot,
        )
        return OwnName(store, config, SECONDS, lost)

    return made


def never(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def test_a_second_host_of_the_same_name_does_not_begin(
    host: Callable[..., OwnName], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(own_name, "LATE", 0.0)
    first, second = host("boot-1"), host("boot-2")
    assert first.begin(never)
    with caplog.at_level(logging.INFO):
        assert not second.begin(never)
    assert second.is_lost
    assert "another host goes by the name mx1 in this store" in caplog.text
    first.stop(10)
    assert not first.is_lost
    third = host("boot-3")
    assert third.begin(lambda seconds: True), "it is free as soon as the first has stopped"
    third.stop(10)


def test_a_worker_that_was_killed_has_its_name_at_once_and_after_a_boot_when_the_lease_is_over(
    host: Callable[..., OwnName], store: Store
) -> None:
    store.record([LeaseTaken("node mx1", "boot-1", 60_000)])
    assert not host("boot-2").begin(lambda seconds: True)
    again = host("boot-1")
    assert again.begin(lambda seconds: True)
    again.stop(10)
    store.record([LeaseTaken("node mx1", "boot-1", 1000)])
    after = host("boot-2")
    assert after.begin(never)
    after.stop(10)


def test_a_host_whose_name_another_one_has_taken_stops(host: Callable[..., OwnName], store: Store) -> None:
    stopped = threading.Event()
    own = host("boot-1", lost=stopped.set)
    assert own.begin(never)
    store.record([LeaseReleased("node mx1", "boot-1")])
    store.record([LeaseTaken("node mx1", "boot-2", 60_000)])
    assert stopped.wait(30)
    assert own.is_lost


def test_a_host_is_the_same_until_a_boot_empties_run_dir(tmp_path: Path) -> None:
    first = own_name._host(tmp_path)
    assert own_name._host(tmp_path) == first
    (tmp_path / own_name.FILE).unlink()
    assert own_name._host(tmp_path) != first
