from pathlib import Path

import pytest

from estafeta_core import secrets
from estafeta_core.config.document import ConfigError
from estafeta_postfix.cli.account_files import Accounts, identity_of
from estafeta_postfix.cli.failure import Failure

KEY = secrets.hash_key(secrets.generate_key())
TEXT = f"""\
# Acme
account: acme
dialect: sparkpost
credentials:
  main: {{key: "{KEY}"}}   # the shop
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "acme.yaml"
    path.write_text(TEXT)
    return path


@pytest.fixture
def accounts(file: Path) -> Accounts:
    return Accounts.read(Path("/nonexistent/estafeta.yaml"), file.parent)


def test_a_change_touches_nothing_else(accounts: Accounts, file: Path) -> None:
    with accounts.edited("acme") as document:
        document["credentials"]["main"]["status"] = "revoked"
    changed = TEXT.replace(f'"{KEY}"', f'"{KEY}", status: revoked')
    assert file.read_text().split() == changed.split()  # the comment at the end of that line moves


def test_a_change_that_the_daemons_would_not_take_is_put_back(accounts: Accounts, file: Path) -> None:
    with pytest.raises(ConfigError, match=r"credentials\.main\.status"), accounts.edited("acme") as document:
        document["credentials"]["main"]["status"] = "gone"
    assert file.read_text() == TEXT
    assert [path.name for path in file.parent.iterdir()] == ["acme.yaml"]


def test_a_change_that_fails_half_way_is_not_written(accounts: Accounts, file: Path) -> None:
    with pytest.raises(KeyError), accounts.edited("acme") as document:
        document["credentials"].pop("main").pop("nothing")
    assert file.read_text() == TEXT


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT + "domains:\n    acme.example:\n        verified: true   # since May\n",
        TEXT + "limits: {per_day:   0}\n",
        TEXT + "domains: {}\nsubaccounts:\n  123:\n    domains:\n      - a.example\n      - b.example\n",
        TEXT + "subaccounts:\n  0123:\n    domains:\n    - a.example\n",
        "---\n" + TEXT,
        TEXT.replace('"', "'"),
        TEXT + "# the end\n",
    ],
)
def test_a_file_that_is_written_unchanged_differs_in_spaces_at_most(file: Path, text: str) -> None:
    file.write_text(text)
    with Accounts.read(Path("x"), file.parent).edited("acme"):
        pass
    assert file.read_text().split() == text.split()


def test_an_account_that_nobody_described_is_named(accounts: Accounts) -> None:
    with pytest.raises(ConfigError, match="no file describes the account 'b'"), accounts.edited("b"):
        pass


def test_a_credential_is_found_by_its_id(accounts: Accounts) -> None:
    assert accounts.credential("acme/main").settings.key == KEY
    with pytest.raises(Failure, match="there is no credential acme/gone") as caught:
        accounts.credential("acme/gone")
    assert caught.value.status == 2


@pytest.mark.parametrize("text", ["", "acme", "acme/", "acme/a/1", "acme/../x", "acme/a b"])
def test_other_text_names_no_credential(text: str) -> None:
    with pytest.raises(Failure, match="ACCOUNT/NAME"):
        identity_of(text)
