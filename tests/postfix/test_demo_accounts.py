from pathlib import Path

from estafeta_core.config.load import load_accounts
from estafeta_core.directory import Directory
from estafeta_postfix import demo_accounts


def test_the_printed_keys_open_the_written_accounts(tmp_path: Path) -> None:
    credentials = demo_accounts.write(tmp_path)
    directory = Directory(load_accounts(tmp_path))
    assert [each.id for each in credentials] == ["acme/main", "acme/readonly", "acme/sendonly"]
    for each in credentials:
        found = directory.by_key(each.dialect, each.password)
        assert found is not None
        assert found.id == each.id


def test_the_accounts_show_what_is_refused(tmp_path: Path) -> None:
    demo_accounts.write(tmp_path)
    [acme] = load_accounts(tmp_path)
    assert acme.domains["acme.example"].verified is True
    assert acme.domains["new.example"].verified is False
    assert acme.subaccounts["123"].domains == ("sub.acme.example",)
    permissions = {name: set(credential.permissions) for name, credential in acme.credentials.items()}
    assert permissions == {
        "main": {"send", "events", "skip_suppression"},
        "readonly": {"events"},
        "sendonly": {"send"},
    }


def test_no_key_is_written_down(tmp_path: Path) -> None:
    credentials = demo_accounts.write(tmp_path)
    [file] = tmp_path.iterdir()
    assert not any(each.password in file.read_text() for each in credentials)
    assert file.stat().st_mode & 0o777 == 0o600
    assert demo_accounts.write(tmp_path) != credentials


def test_the_suppressed_address_is_suppressed_for_both_types() -> None:
    rows = demo_accounts.suppressions(lambda: 7)
    assert {(row.account, row.recipient, row.type, row.created) for row in rows} == {
        ("acme", "suppressed@example.net", "transactional", 7),
        ("acme", "suppressed@example.net", "non_transactional", 7),
    }
