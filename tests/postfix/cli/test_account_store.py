import contextlib
import os
from pathlib import Path

import pytest

from estafeta_core.config.document import ConfigError
from estafeta_core.config.load import load_config
from estafeta_core.store import open_store
from estafeta_postfix.cli import account_store
from estafeta_postfix.cli.account_files import Accounts
from estafeta_postfix.cli.account_store import Batch, Written, writable
from estafeta_postfix.cli.failure import Failure
from estafeta_testing import fleet


@pytest.fixture
def stored(config: Path) -> Path:
    """A configuration whose store holds three accounts."""
    fleet.make_stored(config)
    fleet.put(config, map(fleet.text, range(3)))
    return config


def text_of(config: Path, name: str) -> bytes | None:
    with contextlib.closing(open_store(load_config(config).store)) as store:
        kept = store.account_text(name)
        return kept.text if kept else None


def write(config: Path, *texts: str, dry: bool = False) -> Written:
    settings = load_config(config)
    batch = Batch(settings)
    for number, text in enumerate(texts):
        batch.add(Path(f"/tmp/{number}.yaml"), text.encode())
    with writable(settings) as store:
        return batch.write(store, dry=dry)


def test_only_what_is_new_or_changed_is_written(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    some = (fleet.text(0), fleet.text(1, status="revoked"), fleet.text(5))
    assert write(stored, *some, dry=True) == Written(new=1, changed=1, unchanged=1)
    assert text_of(stored, "customer5") is None
    monkeypatch.setattr(account_store, "TOGETHER", 2)  # many are asked about in another way
    assert write(stored, *some) == Written(new=1, changed=1, unchanged=1)
    assert write(stored, *some) == Written(new=0, changed=0, unchanged=3)
    assert text_of(stored, "customer1") == fleet.text(1, status="revoked").encode()


def test_a_key_that_an_account_of_the_store_has_is_named_with_both_places(stored: Path) -> None:
    thief = fleet.text(1).replace("account: customer1\n", "account: thief\n")
    with pytest.raises(ConfigError, match=r"1\.yaml:9: credentials\.main\.key: .* in store:customer1"):
        write(stored, fleet.text(6), thief)
    assert text_of(stored, "customer6") is None
    # Unless that account lets go of it in the same change.
    assert write(stored, thief, fleet.text(9).replace("customer9", "customer1")).changed == 1


def test_commands_change_an_account_and_keep_its_comments(stored: Path) -> None:
    accounts = Accounts.read(stored, None)
    with accounts.edited("customer1") as document:
        document["credentials"]["main"]["status"] = "suspended"
    assert text_of(stored, "customer1") == fleet.text(1, status="suspended").encode()
    assert accounts.credential("customer1/main").settings.status == "suspended"
    assert accounts.place("customer1") == "store:customer1"


def test_a_change_that_the_daemons_would_not_take_is_not_written(stored: Path) -> None:
    accounts = Accounts.read(stored, None)
    with (
        pytest.raises(ConfigError, match=r"store:customer1:9: credentials\.main\.status"),
        accounts.edited("customer1") as document,
    ):
        document["credentials"]["main"]["status"] = "gone"
    assert text_of(stored, "customer1") == fleet.text(1).encode()


def test_who_is_slower_writes_nothing(stored: Path) -> None:
    accounts = Accounts.read(stored, None)
    with pytest.raises(Failure, match="do it again"), accounts.edited("customer1") as document:
        document["senders"] = [_quicker(stored)]
    assert text_of(stored, "customer1") == fleet.text(1, status="revoked").encode()


def _quicker(config: Path) -> str:
    fleet.put(config, [fleet.text(1, status="revoked")])
    return "news@mail1.example"


def test_an_account_comes_goes_and_comes_again(stored: Path) -> None:
    accounts = Accounts.read(stored, None)
    accounts.add("shop", "account: shop\ndialect: perfit\n")
    with pytest.raises(Failure, match="store:shop is there already"):
        accounts.add("shop", "account: shop\ndialect: perfit\n")
    accounts.remove("shop")
    assert "shop" not in accounts.directory.accounts
    with pytest.raises(ConfigError, match="store:shop: there is no such account"):
        accounts.remove("shop")
    accounts.add("shop", "account: shop\ndialect: perfit\n")
    assert accounts.account("shop").dialect == "perfit"
    assert list(accounts.directory.accounts) == ["customer0", "customer1", "customer2", "shop"]


def test_without_a_store_there_is_nobody_and_the_first_account_makes_it(config: Path) -> None:
    fleet.make_stored(config)
    accounts = Accounts.read(config, None)
    with pytest.raises(Failure, match="there is no account shop"):
        accounts.account("shop")
    accounts.add("shop", "account: shop\ndialect: perfit\n")
    assert list(accounts.directory.accounts) == ["shop"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_store_that_root_makes_is_the_daemons(config: Path) -> None:
    os.chown(config.parent, 65534, 65534)
    fleet.put(config, [fleet.text(1)])
    owners = {path.name: path.stat().st_uid for path in config.parent.glob("estafeta.db*")}
    assert "estafeta.db" in owners
    assert set(owners.values()) == {65534}


def test_a_store_that_cannot_be_made_is_told(config: Path) -> None:
    config.write_text(config.read_text().replace("sqlite:///", "sqlite:////nonexistent/"))
    with pytest.raises(Failure, match="nothing was written"):
        write(config, fleet.text(1))
