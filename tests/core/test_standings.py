"""Who is suspended by himself is known within a second, and stays known while the store is away."""

import contextlib
import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from estafeta_core import secrets
from estafeta_core.claims import Claim
from estafeta_core.config.live import Live
from estafeta_core.standings import EVERY, Standings
from estafeta_core.store import Store, open_store
from estafeta_core.store.standing_rows import DomainAwaited, DomainChecked, Suspension, SuspensionLifted

SUSPENDED = Suspension("acme", "main", 1, None, "bounce_rate", 40, 0, 9)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose store does not exist yet."""
    (tmp_path / "link.key").write_bytes(b"k" * 32)
    (tmp_path / "accounts.d").mkdir()
    keys = {name: secrets.hash_key(secrets.generate_key()) for name in ("main", "shop")}
    (tmp_path / "accounts.d" / "acme.yaml").write_text(
        "account: acme\ndialect: sparkpost\ncredentials:\n"
        + "".join(f'  {name}: {{key: "{key}"}}\n' for name, key in keys.items())
    )
    path = tmp_path / "estafeta.yaml"
    path.write_text(
        "hostname: mx.example.com\nbase_url: https://click.example.com\nbounce_domain: bounce.example.com\n"
        "listeners: {submission: {dialects: [sparkpost], port: 587}}\nsigning_keys: [link.key]\n"
        "store: sqlite:///estafeta.db\n"
    )
    return path


@pytest.fixture
def file(config: Path) -> Path:
    """Where the store is, or will be."""
    return config.parent / "estafeta.db"


@contextlib.contextmanager
def opened(file: Path) -> Iterator[Store]:
    with contextlib.closing(open_store(f"sqlite:///{file}")) as store:
        yield store


def suspended(live: Live) -> set[str]:
    return {each.id for each in live.current.directory.credentials() if each.sending_suspended}


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_suspension_is_felt_within_two_seconds_and_so_is_its_end(config: Path, file: Path) -> None:
    live = Live(config)
    with opened(file) as store:
        Standings(live).start()
        for rows, expected in (([SUSPENDED], {"acme/main"}), ([SuspensionLifted("acme", "main", 2)], set())):
            store.record(rows)
            deadline = time.monotonic() + 2 * EVERY
            while suspended(live) != expected and time.monotonic() < deadline:
                time.sleep(0.01)
            assert suspended(live) == expected


def test_what_is_in_the_store_is_known_when_the_start_is_over(config: Path, file: Path) -> None:
    with opened(file) as store:
        store.record([SUSPENDED])
    live = Live(config)
    Standings(live).start()
    assert suspended(live) == {"acme/main"}


def test_nobody_is_suspended_and_nothing_said_or_made_where_there_is_no_store(
    config: Path, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    live = Live(config)
    Standings(live).look()
    assert suspended(live) == set()
    assert warnings(caplog) == []
    assert not file.exists()


def test_while_the_store_is_away_the_last_answer_stays_and_the_log_says_so_once(
    config: Path, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    live = Live(config)
    standings = Standings(live)
    with opened(file) as store:
        store.record([SUSPENDED])
    standings.look()
    away = file.rename(file.with_suffix(".away"))
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            standings.look()
        assert suspended(live) == {"acme/main"}
        assert len(warnings(caplog)) == 1
        assert "those known stay so" in warnings(caplog)[0]
        away.rename(file)
        standings.look()
        assert "can be read again" in caplog.text
    assert suspended(live) == {"acme/main"}


def test_a_store_that_is_older_or_no_store_at_all_is_told_of(
    config: Path, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    live = Live(config)
    standings = Standings(live)
    file.write_bytes(b"")  # as sqlite sees it, one without tables
    standings.look()
    assert "no such table" in warnings(caplog)[0]
    assert suspended(live) == set()


def test_before_there_is_a_configuration_there_is_nothing_to_look_at(config: Path, file: Path) -> None:
    text = config.read_text()
    config.unlink()
    live = Live(config, start_empty=True)
    standings = Standings(live)
    standings.look()
    with opened(file) as store:
        store.record([SUSPENDED])
    config.write_text(text)
    live.reload()
    standings.look()
    assert suspended(live) == {"acme/main"}


CLAIM = Claim("acme", "new.example")


def test_what_dns_has_verified_is_known_with_it_and_read_again_when_it_changes(
    config: Path, file: Path
) -> None:
    account = config.parent / "accounts.d" / "acme.yaml"
    account.write_text(account.read_text() + "domains: {new.example: {verified: dns}}\n")
    live = Live(config)
    standings = Standings(live)
    standings.look()
    assert verified(live) == "dns", "there is no store, so nobody knows"
    with opened(file) as store:
        standings.look()
        assert verified(live) is False
        store.record([DomainAwaited(*CLAIM, "challenge", 1, 1)])
        for state, expected in (("verified", True), ("lost", False), ("verified", True)):
            before = store.domain_checks("acme")[CLAIM]
            checked = (before.checked or 0) + 1
            store.record([DomainChecked(before, replace(before, state=state, checked=checked))])  # type: ignore[arg-type]
            standings.look()
            assert verified(live) is expected
    file.rename(file.with_suffix(".away"))
    standings.look()
    assert verified(live) is True


def verified(live: Live) -> object:
    return live.current.directory.accounts["acme"].domains["new.example"].verified
