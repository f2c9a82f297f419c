import gc
import socket
from pathlib import Path

import pytest

from estafeta_core import secrets
from estafeta_core.config import load
from estafeta_core.config.document import ConfigError
from estafeta_testing.cost import at_most


def test_everything_a_configuration_leads_to_is_read(config: Path) -> None:
    snapshot = load.load(config)
    assert snapshot.config.hostname == "mx.example.com"
    assert [credential.id for credential in snapshot.directory.credentials()] == ["acme/main"]


def test_relative_paths_count_from_the_folder_of_the_file(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        config.read_text()
        + "store: sqlite:///data/e.db\nrun_dir: run\nstate_dir: /var/lib/x\nmaillog: mail.log\n"
    )
    config.write_text(text)
    monkeypatch.chdir(config.parent)
    found = load.load_config(Path(config.name))
    folder = config.parent
    assert found.signing_keys == (folder / "link.key",)
    assert found.accounts_dir == folder / "accounts.d"
    assert found.store == f"sqlite:///{folder}/data/e.db"
    assert found.run_dir == folder / "run"
    assert found.state_dir == Path("/var/lib/x")
    assert found.maillog == folder / "mail.log"


def test_an_absolute_store_stays(config: Path) -> None:
    config.write_text(config.read_text() + "store: sqlite:////var/lib/x/e.db\n")
    assert load.load_config(config).store == "sqlite:////var/lib/x/e.db"


def test_a_log_is_known_by_its_path_and_where_hosts_share_a_store_by_its_host_too(config: Path) -> None:
    log = Path("/var/log/mail.log")
    text = config.read_text()
    assert load.known_as(load.load_config(config), log) == "/var/log/mail.log"
    config.write_text(f"{text}store: postgresql:///mail\n")
    assert load.known_as(load.load_config(config), log) == f"{socket.gethostname()}:/var/log/mail.log"
    config.write_text(f"{text}store: postgresql:///mail\nnode: mx1\n")
    assert load.known_as(load.load_config(config), log) == "mx1:/var/log/mail.log"


def test_names_come_out_in_the_one_spelling_they_are_compared_in(config: Path, account: Path) -> None:
    config.write_text(config.read_text().replace("bounce.example.com", "Bounce.Example.COM"))
    config.write_text(config.read_text().replace("click.example.com", "click.example.com/e/"))
    account.write_text(
        account.read_text().replace("acme.example:", "ACME.Example:").replace("sub.acme", "SUB.münchen")
    )
    found = load.load_config(config)
    assert found.bounce_domain == "bounce.example.com"
    assert found.base_url == "https://click.example.com/e"
    (acme,) = load.load_accounts(account.parent)
    assert list(acme.domains) == ["acme.example"]
    assert acme.subaccounts["123"].domains == ("sub.xn--mnchen-3ya.example",)


@pytest.mark.parametrize("domain", ["acme", "*.acme.example", "a@b.example", "acme..example", "192.0.2.1"])
def test_a_domain_that_is_none_is_named(account: Path, domain: str) -> None:
    account.write_text(account.read_text().replace("acme.example:", f'"{domain}":'))
    with pytest.raises(ConfigError, match=r"acme\.yaml:4: domains\..*is not a domain such as"):
        load.load_accounts(account.parent)


def test_two_spellings_of_one_domain_are_one_domain_too_many(account: Path) -> None:
    account.write_text(account.read_text().replace("subaccounts:", "  ACME.example: {}\nsubaccounts:"))
    with pytest.raises(
        ConfigError, match=r"acme\.yaml:5: domains\.ACME\.example: acme\.example stands here twice"
    ):
        load.load_accounts(account.parent)


def test_account_files_are_taken_by_name_and_others_are_left_alone(account: Path) -> None:
    folder = account.parent
    (folder / "b.yaml").write_text("account: b\ndialect: sparkpost\n")
    (folder / "a.yaml").write_text("account: a\ndialect: sparkpost\n")
    (folder / ".acme.yaml.x1").write_text("half written")
    (folder / ".hidden.yaml").write_text("half written")
    (folder / "acme.yaml~").write_text("an editor's copy")
    (folder / "README").write_text("words")
    assert [each.account for each in load.load_accounts(folder)] == ["a", "acme", "b"]
    assert load.account_file(folder, "b") == folder / "b.yaml"
    with pytest.raises(ConfigError, match="no file describes the account 'c'"):
        load.account_file(folder, "c")


def test_a_file_that_would_be_overlooked_is_named(account: Path) -> None:
    (account.parent / "b.yml").write_text("account: b\ndialect: sparkpost\n")
    with pytest.raises(ConfigError, match=r"b\.yml: account files end in \.yaml \(rename it\)"):
        load.load_accounts(account.parent)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"accounts\.d: the folder of the accounts cannot be read: No such file"
    ):
        load.load_accounts(tmp_path / "accounts.d")


def test_an_empty_account_file_is_an_error(account: Path) -> None:
    account.write_text("")
    with pytest.raises(ConfigError, match=r"acme\.yaml:1: the file is empty"):
        load.load_accounts(account.parent)


def test_the_garbage_collector_is_as_it_was(account: Path) -> None:
    load.load_accounts(account.parent)
    assert gc.isenabled()
    account.write_text("broken: [")
    with pytest.raises(ConfigError):
        load.load_accounts(account.parent)
    assert gc.isenabled()


def test_a_thousand_accounts_load_in_the_time_of_a_thousand(tmp_path: Path) -> None:
    for number in range(1000):
        key = secrets.hash_key(secrets.generate_key())
        text = f'account: a{number}\ndialect: sparkpost\ncredentials: {{main: {{key: "{key}"}}}}\n'
        (tmp_path / f"{number}.yaml").write_text(text)
    with at_most(1):  # 0.2 s
        assert len(load.load_accounts(tmp_path)) == 1000
