import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from estafeta_core.config import fixed
from estafeta_core.config.document import ConfigError
from estafeta_core.config.live import Live
from estafeta_core.config.load import Snapshot, load
from estafeta_core.directory import Standing


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for `condition`, at most this long."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def status(live: Live) -> str:
    return live.current.directory.credentials()[0].settings.status


def revoke(account: Path) -> None:
    account.write_text(account.read_text().replace("main: {", "main: {status: revoked, "))


def test_the_first_load_has_to_succeed(config: Path) -> None:
    assert Live(config).current.config.hostname == "mx.example.com"
    config.write_text("broken: [")
    with pytest.raises(ConfigError, match=r"estafeta\.yaml:2: not YAML"):
        Live(config)


def test_a_daemon_that_must_answer_may_start_empty_and_gets_the_configuration_later(config: Path) -> None:
    text = config.read_text()
    config.unlink()
    live = Live(config, start_empty=True)
    assert live.snapshot is None
    with pytest.raises(RuntimeError, match="no usable configuration"):
        _ = live.current
    live.watch()
    config.write_text(text)
    assert until(lambda: live.snapshot is not None, 2.0)


def test_a_reload_replaces_the_snapshot_and_leaves_the_old_one_as_it_was(config: Path, account: Path) -> None:
    live = Live(config)
    before = live.current
    revoke(account)
    assert live.reload() is None
    assert status(live) == "revoked"
    assert before.directory.credentials()[0].settings.status == "active"


def test_what_should_be_known_is_logged_when_it_comes_up_and_not_at_every_reload(
    config: Path, account: Path, caplog: pytest.LogCaptureFixture
) -> None:
    quiet = config.read_text()
    loud = quiet.replace("port: 587", "port: 587, bind: 0.0.0.0, tls: none")
    config.write_text(loud)
    with caplog.at_level(logging.WARNING):
        live = Live(config)
        revoke(account)
        live.reload()
        config.write_text(quiet)
        live.reload()
        config.write_text(loud)
        live.reload()
    told = [line for line in caplog.messages if ":5: listeners.submission.tls: keys and passwords" in line]
    assert len(told) == 2


def test_a_change_that_a_reload_cannot_make_is_told_once_and_again_when_it_is_made_again(
    config: Path, account: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = config.read_text().replace("[sparkpost]", "[teenvio]")
    config.write_text(before)
    with caplog.at_level(logging.WARNING):
        live = Live(config)
        config.write_text(before.replace("port: 587", "port: 587, receipt: true"))
        live.reload()
        revoke(account)
        live.reload()
        assert caplog.messages == [f"{config}: listeners.submission.receipt: {fixed.RENDER}"]
        config.write_text(before)
        live.reload()
        assert len(caplog.messages) == 1
        config.write_text(before.replace("port: 587", "port: 587, receipt: true"))
        live.reload()
    assert len(caplog.messages) == 2


def test_a_daemon_that_starts_empty_was_started_with_what_it_read_first(
    config: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = config.read_text()
    config.unlink()
    live = Live(config, start_empty=True)
    for port in ("588", "589"):
        config.write_text(text.replace("587", port))
        live.reload()
    told = [line for line in caplog.messages if fixed.RENDER in line]
    assert told == [f"{config}: listeners.submission.port: {fixed.RENDER}"]


def test_a_wrong_configuration_leaves_the_old_one_in_force_and_is_logged_once(
    config: Path, account: Path, caplog: pytest.LogCaptureFixture
) -> None:
    live = Live(config)
    before = live.current
    account.write_text("account: acme\ndialect: sparkpost\ncolour: red\n")
    with caplog.at_level(logging.ERROR):
        errors = [live.reload(), live.reload()]
    assert all("acme.yaml:3: colour: unknown key" in str(error) for error in errors)
    assert live.current is before
    assert len(caplog.records) == 1


def test_f9_a_key_revoked_in_the_file_is_revoked_within_a_second(config: Path, account: Path) -> None:
    live = Live(config)
    live.watch()
    time.sleep(0.7)  # past the first look
    revoke(account)
    assert until(lambda: status(live) == "revoked", 1.0)


def test_a_change_while_the_first_load_runs_is_noticed(config: Path, account: Path) -> None:
    def slow(path: Path) -> Snapshot:
        snapshot = load(path)
        if status_of(snapshot) == "active":
            revoke(account)
        return snapshot

    def status_of(snapshot: Snapshot) -> str:
        return snapshot.directory.credentials()[0].settings.status

    live = Live(config, slow)
    assert status(live) == "active"
    live.watch()
    assert until(lambda: status(live) == "revoked", 1.0)


def test_accounts_that_come_and_go_are_noticed(config: Path, account: Path) -> None:
    live = Live(config)
    live.watch()
    new = account.parent / "b.yaml"
    new.write_text("account: b\ndialect: sparkpost\n")
    assert until(lambda: "b" in live.current.directory.accounts, 1.5)
    new.unlink()
    assert until(lambda: "b" not in live.current.directory.accounts, 1.5)


def test_a_rename_over_a_file_with_the_same_times_and_size_is_noticed(config: Path, account: Path) -> None:
    live = Live(config)
    live.watch()
    time.sleep(0.7)
    found = account.stat()
    other = account.with_name(".other")
    other.write_text(account.read_text().replace("account: acme", "account: acmf"))
    os.utime(other, ns=(found.st_atime_ns, found.st_mtime_ns))
    other.replace(account)
    assert until(lambda: "acmf" in live.current.directory.accounts, 1.0)


def test_an_unchanged_configuration_is_not_read_again_and_again(config: Path) -> None:
    reads: list[Path] = []

    def counted(path: Path) -> Snapshot:
        reads.append(path)
        return load(path)

    Live(config, counted).watch()
    time.sleep(2.2)
    assert len(reads) <= 2  # the second because the files are younger than the first


def test_a_mistake_mended_outside_the_files_is_found_out(config: Path) -> None:
    tries: list[int] = []

    def unreadable_at_first(path: Path) -> Snapshot:
        tries.append(1)
        if len(tries) < 3:
            raise ConfigError("a mount is missing")
        return load(path)

    live = Live(config, unreadable_at_first, start_empty=True)
    live.watch()
    assert until(lambda: live.snapshot is not None, 6.0)


def test_a_request_reloads_at_once_and_callbacks_hear_of_it(config: Path) -> None:
    live = Live(config)
    live.watch()
    time.sleep(0.7)
    heard: list[Snapshot] = []
    live.on_change(heard.append)
    live.request_reload()
    assert until(lambda: bool(heard), 0.4)
    assert heard[0] is live.snapshot


def test_a_request_may_come_from_a_signal_handler(config: Path) -> None:
    live = Live(config)
    live.watch()
    heard: list[Snapshot] = []
    live.on_change(heard.append)
    before = signal.signal(signal.SIGHUP, lambda *_: live.request_reload())
    try:
        for _ in range(50):
            os.kill(os.getpid(), signal.SIGHUP)
        assert until(lambda: bool(heard), 1.0)
    finally:
        signal.signal(signal.SIGHUP, before)


def fail(_snapshot: Snapshot) -> None:
    raise ZeroDivisionError


def test_a_callback_that_fails_does_not_end_the_watch(
    config: Path, account: Path, caplog: pytest.LogCaptureFixture
) -> None:
    live = Live(config)
    live.on_change(fail)
    live.watch()
    live.request_reload()
    assert until(lambda: "reload failed" in caplog.text, 1.0)
    revoke(account)
    assert until(lambda: status(live) == "revoked", 1.5)


def test_reloads_of_two_threads_do_not_mix(config: Path) -> None:
    inside = 0
    most = 0

    def counted(path: Path) -> Snapshot:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.02)
        inside -= 1
        return load(path)

    live = Live(config, counted)
    threads = [threading.Thread(target=live.reload) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_a_change_that_came_into_force_is_logged(
    config: Path, account: Path, caplog: pytest.LogCaptureFixture
) -> None:
    live = Live(config)
    with caplog.at_level(logging.INFO):
        live.watch()
        time.sleep(1.2)  # young files are read once more, which is no news
        assert "in force" not in caplog.text
        revoke(account)
        assert until(lambda: f"{config}: read again and in force" in caplog.text, 1.5)


def test_a_start_that_fails_does_not_speak_of_a_configuration_in_force(
    config: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config.write_text("broken: [")
    Live(config, start_empty=True)
    assert caplog.text.rstrip().endswith("; there is none in force")


def test_before_a_final_answer_the_files_are_looked_at(config: Path, account: Path) -> None:
    live = Live(config)
    live.reload()  # files this young are read once more in any case
    before = live.current
    revoke(account)
    assert live.catch_up(before)
    assert status(live) == "revoked"
    assert live.catch_up(before)
    assert not live.catch_up(live.current)


def suspended(snapshot: Snapshot) -> bool:
    return snapshot.directory.credentials()[0].sending_suspended


def test_a_credential_suspended_by_itself_stays_so_over_reloads_and_is_told_like_one(
    config: Path, account: Path
) -> None:
    live = Live(config)
    told: list[bool] = []
    live.on_change(lambda snapshot: told.append(suspended(snapshot)))
    before = live.current
    assert live.stand(Standing(frozenset({"acme/main"})))
    assert not live.stand(Standing(frozenset({"acme/main"}))), "that is nothing new"
    account.write_text(account.read_text() + "# a comment\n")
    live.reload()
    assert live.stand(Standing())
    assert told == [True, True, False]
    assert not suspended(before)


def test_what_is_told_last_is_what_is_in_force_however_slowly_it_is_heard(config: Path) -> None:
    live = Live(config)
    told: list[Snapshot] = []

    def hear(snapshot: Snapshot) -> None:
        if suspended(snapshot):
            time.sleep(0.3)
        told.append(snapshot)

    live.on_change(hear)
    slow = threading.Thread(target=live.stand, args=(Standing(frozenset({"acme/main"})),))
    slow.start()
    assert until(lambda: suspended(live.current), 2.0)
    live.stand(Standing())
    slow.join()
    assert told[-1] is live.current


def test_who_is_suspended_before_there_is_a_configuration_is_so_when_there_is(config: Path) -> None:
    text = config.read_text()
    config.unlink()
    live = Live(config, start_empty=True)
    live.stand(Standing(frozenset({"acme/main"})))
    config.write_text(text)
    live.reload()
    assert suspended(live.current)
