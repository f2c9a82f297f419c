import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from estafeta_core.hosting import Shelf
from estafeta_core.store import Store, open_store
from estafeta_core.store.rows import File, Message, Transmission
from estafeta_testing.worker import worker

RECIPIENTS = 400


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "accounts.d").mkdir()
    (tmp_path / "link.key").write_text("k" * 64)
    path = tmp_path / "estafeta.yaml"
    path.write_text(
        "hostname: mx.example.com\nbase_url: http://localhost\nbounce_domain: bounce.example.com\n"
        "listeners: {a: {dialects: [sparkpost], port: 587}}\nsigning_keys: [link.key]\n"
        f"store: sqlite:///{tmp_path}/estafeta.db\nmaillog: mail.log\nrun_dir: .\nstate_dir: .\n"
        "retention: {events: 0, messages: 0}\n"  # the ids here are those of no time
    )
    return path


@pytest.fixture
def store(tmp_path: Path, config: Path) -> Iterator[Store]:
    with contextlib.closing(open_store(f"sqlite:///{tmp_path}/estafeta.db")) as opened:
        transmission = Transmission(
            1,
            "A1B2C3",
            "acme",
            "main",
            None,
            "sparkpost",
            "a",
            "acme",
            0,
            "",
            "",
            "",
            0,
            "",
            {},
            (),
            False,
            False,
            False,
            False,
        )
        copies = [Message(10 + number, 1, f"r{number}@example.com", "") for number in range(RECIPIENTS)]
        opened.record([transmission, *copies])
        yield opened


def deliver(log: Path, numbers: range) -> None:
    with log.open("a") as file:
        for number in numbers:
            file.write(
                f"Nov 20 13:52:35 mx postfix/smtp[1]: A1B2C3: to=<r{number}@example.com>, relay=none, "
                "delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status=sent (250 Ok)\n"
            )


def recorded(store: Store) -> list[int]:
    return sorted(occurrence.event.message_id or 0 for occurrence in store.events(limit=10_000))


def wait_for(store: Store, count: int) -> None:
    give_up = time.monotonic() + 20
    while len(recorded(store)) < count:
        assert time.monotonic() < give_up
        time.sleep(0.02)


def test_killing_the_worker_at_any_moment_loses_and_repeats_nothing(
    tmp_path: Path, config: Path, store: Store
) -> None:
    log = tmp_path / "mail.log"
    for start in range(0, RECIPIENTS, 50):
        with worker(config) as process:
            deliver(log, range(start, start + 1))
            wait_for(store, start + 1)  # it follows, and has caught up with what its predecessor left
            for number in range(start + 1, start + 50):
                deliver(log, range(number, number + 1))
                if number == start + 20 + start // 50:
                    process.send_signal(signal.SIGKILL)
        if start == 100:
            log.rename(tmp_path / "mail.log.1")
    assert len(recorded(store)) < RECIPIENTS
    with worker(config):
        wait_for(store, RECIPIENTS)
    assert recorded(store) == [10 + number for number in range(RECIPIENTS)]


def test_the_worker_waits_for_a_log_and_stops_when_told(tmp_path: Path, config: Path, store: Store) -> None:
    with worker(config) as process:
        time.sleep(0.5)
        deliver(tmp_path / "mail.log", range(1))
        wait_for(store, 1)
        os.kill(process.pid, signal.SIGHUP)
        deliver(tmp_path / "mail.log", range(1, 2))
        wait_for(store, 2)
        process.terminate()
        assert process.wait(10) == 0


def test_the_worker_clears_up_what_was_kept_long_enough_and_follows_the_log_meanwhile(
    tmp_path: Path, config: Path, store: Store
) -> None:
    shelf = Shelf(tmp_path)
    digest = shelf.keep(b"an attachment of the year before last")
    long_ago = time.time() - 400 * 24 * 3600  # the default is 365 days
    os.utime(tmp_path / "hosted" / digest[:2] / digest, (long_ago, long_ago))
    store.record([File("acme", digest, 37, round(long_ago * 1000))])
    with worker(config):
        deliver(tmp_path / "mail.log", range(1))
        wait_for(store, 1)
        give_up = time.monotonic() + 20
        while shelf.read(digest) is not None:
            assert time.monotonic() < give_up
            time.sleep(0.02)
    assert store.kept("acme") == 0


def test_the_worker_does_not_start_without_a_usable_configuration(config: Path) -> None:
    config.write_text("hostname: x\n")
    with worker(config) as process:
        assert process.wait(20) == 1


def test_a_second_worker_does_not_start_because_it_would_record_everything_again(
    tmp_path: Path, config: Path, store: Store
) -> None:
    with worker(config):
        deliver(tmp_path / "mail.log", range(1))
        wait_for(store, 1)
        command = [sys.executable, "-m", "estafeta_postfix", "--config", str(config), "serve", "worker"]
        second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert second.returncode == 1
    assert "worker.lock: another worker holds this lock" in second.stderr
    assert recorded(store) == [10]


def test_a_worker_whose_folder_is_missing_says_so(config: Path) -> None:
    config.write_text(config.read_text().replace("state_dir: .", "state_dir: nowhere"))
    command = [sys.executable, "-m", "estafeta_postfix", "--config", str(config), "serve", "worker"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 1
    assert "No such file or directory" in done.stderr
    assert "Traceback" not in done.stderr
