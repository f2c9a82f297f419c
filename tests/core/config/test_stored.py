import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from estafeta_core.config import load as loading
from estafeta_core.config import normal
from estafeta_core.config.document import AccountsAwayError, ConfigError, Document
from estafeta_core.config.live import Live
from estafeta_core.config.load import load, load_config, load_directory
from estafeta_core.config.stored import StoredAccounts
from estafeta_core.store import Store, open_store
from estafeta_core.store.account_rows import AccountsChanged, AccountText
from estafeta_testing import fleet, postgresql


@pytest.fixture(params=["sqlite", "postgresql"])
def stored(config: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A configuration whose store holds three accounts, in either kind of store.

    The threads that watch it go on when a test has ended, and nobody else's database is theirs to look at.
    """
    if request.param == "sqlite":
        fleet.make_stored(config, f"sqlite:///{config.parent}/estafeta.db")
        fleet.put(config, map(fleet.text, range(3)))
        yield config
        return
    with request.getfixturevalue("cluster").database() as url:
        fleet.make_stored(config, url)
        fleet.put(config, map(fleet.text, range(3)))
        yield config


@pytest.fixture
def file_stored(config: Path) -> Path:
    fleet.make_stored(config, f"sqlite:///{config.parent}/estafeta.db")
    fleet.put(config, map(fleet.text, range(3)))
    return config


@contextlib.contextmanager
def living(config: Path) -> Iterator[Live]:
    """Load a configuration."""
    with contextlib.closing(Live(config)) as live:
        yield live


def status(live: Live, number: int) -> str:
    found = live.current.directory.by_key("sparkpost", fleet.key(number))
    return found.settings.status if found else "none"


def until(true: bool, check: object) -> None:
    assert callable(check)
    deadline = time.monotonic() + 30
    while check() is not true:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_accounts_of_the_store_are_what_their_files_would_be(stored: Path) -> None:
    folder = stored.parent / "accounts.d"
    (folder / "acme.yaml").unlink()
    for number in range(3):
        (folder / f"{number}.yaml").write_text(fleet.text(number))
    from_files = {each.account: each for each in loading.load_accounts(folder)}
    assert load(stored).directory.accounts == from_files
    assert {each.account: each for each in load_directory(load_config(stored))} == from_files


def test_f9_a_key_revoked_in_the_store_is_revoked_in_every_process_soon(stored: Path) -> None:
    live = Live(stored)
    live.watch()
    assert status(live, 1) == "active"
    fleet.put(stored, [fleet.text(1, status="revoked")])
    until(True, lambda: status(live, 1) == "revoked")
    assert status(live, 0) == "active"


def test_an_account_that_comes_and_one_that_goes_are_noticed(stored: Path) -> None:
    live = Live(stored)
    live.watch()
    fleet.put(stored, [fleet.text(7)])
    until(True, lambda: status(live, 7) == "active")
    with contextlib.closing(open_store(load_config(stored).store)) as store:
        kept = store.account_text("customer7")
        assert kept is not None
        store.record([AccountsChanged(), AccountText("customer7", kept.change, None, None)])
    until(True, lambda: status(live, 7) == "none")


def test_a_change_that_came_into_force_is_logged(file_stored: Path, caplog: pytest.LogCaptureFixture) -> None:
    live = Live(file_stored)
    with caplog.at_level("INFO"):
        live.watch()
        time.sleep(1.2)  # young files are read once more, which is no news
        fleet.put(file_stored, [fleet.text(1, status="revoked")])
        until(True, lambda: "accounts in the store: read again and in force" in caplog.messages)
    assert status(live, 1) == "revoked"


def test_one_change_reads_one_account_and_leaves_the_others_the_same_objects(
    stored: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    accounts = StoredAccounts()
    request.addfinalizer(accounts.close)
    before = load(stored, accounts).directory
    read: list[Path] = []
    whole = normal.normal_account

    def counted(document: Document, *rest: object) -> object:
        read.append(document.path)
        return whole(document, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("estafeta_core.config.stored.normal_account", counted)
    fleet.put(stored, [fleet.text(1, status="revoked")])
    assert accounts.changed()
    after = load(stored, accounts).directory
    assert read == [Path("store:customer1")]
    assert after.accounts["customer0"] is before.accounts["customer0"]
    assert after.accounts["customer1"] is not before.accounts["customer1"]
    assert not accounts.changed()


def test_the_configuration_in_force_stays_while_the_store_is_away(
    file_stored: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with living(file_stored) as live:
        before = live.current
        database = file_stored.parent / "estafeta.db"
        database.rename(database.with_suffix(".away"))
        assert isinstance(live.reload(), AccountsAwayError)
        assert live.current is before
        assert not live.catch_up(before)
        [told] = [
            line for line in caplog.messages if "directory: the accounts in the store cannot be read" in line
        ]
        assert told.endswith("; the configuration in force stays")
        database.with_suffix(".away").rename(database)
        assert live.reload() is None


def test_before_a_final_answer_the_store_is_looked_at(stored: Path) -> None:
    with living(stored) as live:
        before = live.current
        fleet.put(stored, [fleet.text(1, status="revoked")])
        assert live.catch_up(before)
        assert status(live, 1) == "revoked"


def test_a_start_waits_for_the_store(file_stored: Path) -> None:
    database = file_stored.parent / "estafeta.db"
    database.rename(database.with_suffix(".away"))
    with pytest.raises(
        AccountsAwayError, match=r"estafeta\.yaml:\d+: directory: .* \(estafeta import makes it\)"
    ):
        Live(file_stored)
    started: list[Live] = []
    thread = threading.Thread(target=lambda: started.append(Live(file_stored, patient=True)), daemon=True)
    thread.start()
    time.sleep(0.5)
    assert not started
    database.with_suffix(".away").rename(database)
    thread.join(30)
    assert len(started[0].current.directory.accounts) == 3


def test_a_text_that_cannot_be_used_any_more_is_named_with_its_line(file_stored: Path) -> None:
    with living(file_stored) as live:
        with contextlib.closing(open_store(load_config(file_stored).store)) as store:
            _spoil(store, "customer1")
        error = live.reload()
        assert str(error).startswith("store:customer1:3: dialect: unknown dialect 'nobody'")
        assert status(live, 1) == "active"


def _spoil(store: Store, name: str) -> None:
    """Have the store say what no command would have written."""
    kept = store.account_text(name)
    assert kept is not None
    assert kept.text is not None
    text = kept.text.replace(b"dialect: sparkpost", b"dialect: nobody")
    value = b'{"account":"customer1","dialect":"nobody"}'
    store.record([AccountsChanged(), AccountText(name, kept.change, text, value)])


def test_a_pool_that_went_is_named_where_an_account_uses_it(file_stored: Path) -> None:
    pools = "ip_pools: {one: {bind_address: 192.0.2.1}}\n"
    without = file_stored.read_text()
    file_stored.write_text(without + pools)
    fleet.put(file_stored, [fleet.text(1, more="ip_pools: [one]\n")])
    with living(file_stored) as live:
        file_stored.write_text(without)
        error = live.reload()
        assert str(error).startswith("store:customer1:12: ip_pools.0: there is no pool 'one'")
        file_stored.write_text(without + pools)
        assert live.reload() is None
        assert len(live.current.directory.accounts) == 3


def test_the_server_tells_those_who_listen(config: Path, cluster: postgresql.Cluster) -> None:
    with cluster.database() as url:
        fleet.make_stored(config, url)
        fleet.put(config, [fleet.text(1)])
        accounts = StoredAccounts()
        load(config, accounts)
        heard = threading.Semaphore(0)
        accounts.listen(heard.release)
        assert heard.acquire(timeout=30)  # it listens
        fleet.put(config, [fleet.text(2)])
        assert heard.acquire(timeout=30)


def test_conflicts_are_found_though_no_command_writes_them(file_stored: Path) -> None:
    with contextlib.closing(open_store(load_config(file_stored).store)) as store:
        texts = {each.account: each for each in store.account_texts()}
        values = {each.account: each.value for each in store.accounts_since(0)}
        text, value = (
            (each or b"").replace(b"customer1", b"customer2")
            for each in (texts["customer1"].text, values["customer1"])
        )
        store.record([AccountsChanged(), AccountText("customer2", texts["customer2"].change, text, value)])
    with pytest.raises(ConfigError, match=r"store:customer2:9: .*this key is already in store:customer1"):
        load(file_stored)
