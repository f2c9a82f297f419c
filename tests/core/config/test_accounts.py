import re
from pathlib import Path

import msgspec
import pytest

from estafeta_core.config.accounts import Account, Credential, Defaults, Domain, Limits
from estafeta_core.config.document import Document
from estafeta_core.config.load import load_accounts

SAMPLE = Path(__file__).parents[3] / "postfix" / "estafeta_postfix" / "samples" / "acme.yaml"
_COMMENTED = re.compile(r"^( *)# ( *[a-z_0-9]+:(?: .*)?)$", re.MULTILINE)
# A credential has one secret: the sample shows a key, and names what other dialects take instead.
INSTEAD = re.compile(r"^ *(username|password): .*\n", re.MULTILINE)


def with_every_option() -> str:
    """Return the sample with the options in force that it shows as comments."""
    return _COMMENTED.sub(r"\1\2", SAMPLE.read_text())


def test_the_sample_is_an_account_that_loads(tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_text(SAMPLE.read_text())
    (account,) = load_accounts(tmp_path)
    assert account.account == "acme"


def test_the_sample_loads_with_every_option_in_force(tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_text(INSTEAD.sub("", with_every_option()))
    assert load_accounts(tmp_path)


def test_the_sample_shows_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "acme.yaml"
    path.write_text(with_every_option())
    account = Document(path).convert(Account)
    assert account.defaults.return_path == Defaults().return_path
    assert account.limits == account.domain_limits == Limits()
    assert account.domains["acme.example"].bounce == Domain().bounce
    shown, default = account.credentials["main"], Credential()
    for option in ("status", "require_tls", "limits", "username", "password"):
        assert getattr(shown, option) == getattr(default, option)


def test_a_time_without_a_zone_is_no_time() -> None:
    with pytest.raises(msgspec.ValidationError, match="timezone"):
        msgspec.convert({"expires": "2027-01-31T00:00:00"}, Credential)
