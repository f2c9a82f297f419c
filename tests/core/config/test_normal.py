import gc
from pathlib import Path

import pytest

from estafeta_core.config.account_checks import Unique
from estafeta_core.config.accounts import DkimKey
from estafeta_core.config.document import ConfigError, Document
from estafeta_core.config.normal import no_collection, normal_account

TEXT = """\
account: acme
dialect: sparkpost
domains: {München.Example: {dkim: {keys: {s1: k.pem}, default: s1}}}
""".encode()


def test_domains_are_a_labels_and_paths_are_whole() -> None:
    account = normal_account(Document(Path("a.yaml"), TEXT, Path("/etc/estafeta/accounts.d")), Unique(), None)
    [(name, domain)] = account.domains.items()
    assert name == "xn--mnchen-3ya.example"
    assert domain.dkim is not None
    key = domain.dkim.keys["s1"]
    assert isinstance(key, DkimKey)
    assert (key.file, key.selector) == (Path("/etc/estafeta/accounts.d/k.pem"), "s1")
    assert domain.dkim.default == ("s1",)


def test_a_domain_that_is_none_is_named_with_its_line() -> None:
    text = b"account: acme\ndialect: sparkpost\ndomains:\n  -.example: {}\n"
    with pytest.raises(ConfigError, match=r"a\.yaml:4: domains\.-\.example: '-\.example' is not a domain"):
        normal_account(Document(Path("a.yaml"), text), Unique(), None)


def test_the_collector_is_as_it_was_afterwards() -> None:
    with no_collection():
        assert not gc.isenabled()
    assert gc.isenabled()
