from pathlib import Path

import pytest

from estafeta_core.config import load
from estafeta_core.config.accounts import Dkim, DkimKey
from estafeta_core.config.dkim_checks import is_selector, place, record_name
from estafeta_core.config.document import ConfigError, Document


def written(account: Path, dkim: str, domain: str = "acme.example") -> Path:
    """Give the one domain of an account these DKIM settings; return estafeta.yaml."""
    text = account.read_text()
    account.write_text(
        text.replace("  acme.example: {verified: true}", f"  {domain}: {{verified: true, dkim: {dkim}}}")
    )
    return account.parents[1] / "estafeta.yaml"


def loaded(account: Path, dkim: str) -> Dkim:
    found = load.load(written(account, dkim)).directory.accounts["acme"].domains["acme.example"].dkim
    assert found is not None
    return found


def test_texts_become_keys_with_selector_and_whole_path(account: Path) -> None:
    folder = account.parent
    assert loaded(
        account, "{default: s1, keys: {s1: ../keys/s1.pem, mk: {file: /k/mk.pem, selector: m.k}}}"
    ) == Dkim(
        keys={
            "s1": DkimKey(file=folder / "../keys/s1.pem", selector="s1"),
            "mk": DkimKey(file=Path("/k/mk.pem"), selector="m.k"),
        },
        default=("s1",),
    )


def test_two_keys_may_sign_by_default_and_none_has_to(account: Path) -> None:
    before = account.read_text()
    assert loaded(account, "{keys: {a: a.pem}}").default == ()
    account.write_text(before)
    assert loaded(
        account, "{default: [a, b], keys: {a: a.pem, b: {file: b.pem, verified: dns}}}"
    ).default == ("a", "b")


def test_no_daemon_opens_a_key_when_it_reads_the_configuration(account: Path) -> None:
    assert loaded(account, "{default: s1, keys: {s1: /nobody/has/this.pem}}").default == ("s1",)


@pytest.mark.parametrize(
    ("dkim", "said"),
    [
        ("{default: s2, keys: {s1: a.pem}}", "default: 's2' has to name one of the keys, once (s1)"),
        ("{default: [s1, s1], keys: {s1: a.pem}}", "default: 's1' has to name one of the keys, once (s1)"),
        ("{default: s1, keys: {}}", "default: 's1' has to name one of the keys, once (none)"),
        ('{default: "", keys: {s1: a.pem}}', "default: '' has to name one of the keys, once (s1)"),
        ("{default: s1}", ": the key `keys` is missing"),
        ("{keys: {a/b: a.pem}}", "keys.a/b: 'a/b' is not a name"),
        ("{keys: {a_b: a.pem}}", "keys.a_b.selector: 'a_b' is not a selector"),
        ("{keys: {a: {file: a.pem, selector: -a}}}", "keys.a.selector: '-a' is not a selector"),
        ("{keys: {a: {file: a.pem, selector: a..b}}}", "keys.a.selector: 'a..b' is not a selector"),
        ('{keys: {a: {file: a.pem, selector: "a; d=b"}}}', "keys.a.selector: 'a; d=b' is not a selector"),
        ('{keys: {a: {file: a.pem, selector: "a\\r\\nB"}}}', "keys.a.selector: 'a\\r\\nB' is not a selector"),
        ('{keys: {a: {file: a.pem, selector: "a\\n"}}}', "keys.a.selector: 'a\\n' is not a selector"),
        ("{keys: {a: {file: a.pem, selector: é}}}", "keys.a.selector: 'é' is not a selector"),
        (f"{{keys: {{a: {{file: a.pem, selector: {'a' * 64}}}}}}}", "keys.a.selector: "),
        (f"{{keys: {{a: {{file: a.pem, selector: {'.'.join(['abc'] * 58)}.{'a' * 10}}}}}}}", "has 266 signs"),
        ("{keys: {a: a.pem, b: {file: b.pem, selector: A}}}", "keys.b: the selector A is that of the key a"),
        ("{keys: {a: {selector: a}}}", "keys.a"),
        ("{keys: {a: {file: a.pem, verified: maybe}}}", "keys.a"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named_with_its_place(account: Path, dkim: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load.load(written(account, dkim))
    assert str(caught.value).startswith(f"{account}:4: domains.acme.example.dkim")
    assert said in str(caught.value)


@pytest.mark.parametrize("spelling", ["ACME.Example", "bücher.example"])
def test_a_domain_in_another_spelling_is_found_in_its_file(account: Path, spelling: str) -> None:
    config = written(account, "{default: s2, keys: {s1: a.pem}}", spelling)
    with pytest.raises(ConfigError, match=f":4: domains.{spelling}.dkim.default: 's2' has"):
        load.load(config)
    label = "acme.example" if spelling.isascii() else "xn--bcher-kva.example"
    assert place(Document(account), label) == ("domains", spelling, "dkim")


def test_where_a_public_key_is_in_dns() -> None:
    assert record_name("acme.example", "s1") == "s1._domainkey.acme.example"
    assert is_selector("a.b-c.d1")
    assert not is_selector("")
