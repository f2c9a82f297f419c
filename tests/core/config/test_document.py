import contextlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estafeta_core.config.accounts import Account
from estafeta_core.config.document import ConfigError, Document
from estafeta_testing.cost import at_most


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "acme.yaml"


def complaint(file: Path, text: str) -> str:
    """Return what is said about an account file with this text, without the folder."""
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        Document(file).convert(Account)
    return str(caught.value).removeprefix(f"{file.parent}/")


BASE = "account: acme\ndialect: sparkpost\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            BASE + "credentials:\n  main:\n    key: 123\n",
            "acme.yaml:5: credentials.main.key: Expected `str`, got `int` (put the value in quotes)",
        ),
        (
            BASE + "credentials:\n  main:\n    username: no\n",
            "acme.yaml:5: credentials.main.username: Expected `str`, got `bool` (put the value in quotes)",
        ),
        (
            BASE + "credentials: {main: {require_tls: 'yes'}}\n",
            "acme.yaml:3: credentials.main.require_tls: Expected `bool`, got `str` (write true or false)",
        ),
        (
            BASE + "credentials:\n  main: {permissions: [send, fly]}\n",
            "acme.yaml:4: credentials.main.permissions.1: Invalid enum value 'fly' (known here: send,",
        ),
        (
            BASE + "credentials:\n  main:\n    permissions: send\n",
            "acme.yaml:5: credentials.main.permissions: Expected `array`, got `str` (write a list: [a, b])",
        ),
        (
            BASE + "credentials:\n  main:\n    limits: {per_minute: -1}\n",
            "acme.yaml:5: credentials.main.limits.per_minute: Expected `int` >= 0",
        ),
        (
            BASE + "domains:\n  a.example:\n    verified: ok\n",
            (
                "acme.yaml:5: domains.a.example.verified: Invalid enum value 'ok'"
                " (known here: true, false, dns)"
            ),
        ),
        (
            BASE + "credentials:\n  main: {status: no}\n",
            (
                "acme.yaml:4: credentials.main.status: Expected `str`, got `bool`"
                " (known here: active, suspended, revoked)"
            ),
        ),
        (
            BASE + "credentials:\n  main: {permissions: [2]}\n",
            "acme.yaml:4: credentials.main.permissions.0: Expected `str`, got `int` (known here: send,",
        ),
        (
            BASE + "defaults:\n  return_path:\n",
            "acme.yaml:4: defaults.return_path: Expected `str`, got `null` (known here: verp, keep, domain)",
        ),
        (
            BASE + "domains: {a.example: {verified: 1}}\n",
            "acme.yaml:3: domains.a.example.verified: Expected `bool | str`, got `int` (known here: true,",
        ),
        (
            BASE + "domains:\n  a.example:\n",
            "acme.yaml:4: domains.a.example: Expected `object`, got `null` (the value is empty: give one",
        ),
        (
            BASE + "credentials:\n  main:\n    expires: 2027-01-31\n",
            "acme.yaml:5: credentials.main.expires: Invalid RFC3339 encoded datetime (write date, time and",
        ),
        (
            BASE + "credentials:\n  main:\n    permisions: [send]\n",
            "acme.yaml:5: credentials.main.permisions: unknown key (did you mean `permissions`?)",
        ),
        (
            BASE + "domains:\n  a.example:\n    dkim:\n      defualt: s1\n      keys: {s1: s1.pem}\n",
            "acme.yaml:6: domains.a.example.dkim.defualt: unknown key (did you mean `default`?)",
        ),
        (
            BASE + "domains: {a.example: {dkim: {keys: {s1: {file: s1.pem,\n  selecter: s}}}}}\n",
            "acme.yaml:4: domains.a.example.dkim.keys.s1.selecter: unknown key (did you mean `selector`?)",
        ),
        (
            BASE + "domains:\n  a.example:\n    dkim: s1\n",
            "acme.yaml:5: domains.a.example.dkim: Expected `object | null`, got `str` (write keys and",
        ),
        (BASE + "colour: red\n", "acme.yaml:3: colour: unknown key (known here: account, dialect,"),
        ("# no dialect\naccount: acme\n", "acme.yaml:2: the key `dialect` is missing"),
        (
            BASE + "account: acme\n",
            "acme.yaml:3: account: this key stands here twice (remove one of the two)",
        ),
        (
            BASE + "credentials:\n  main: {key: a}\n  main: {key: b}\n",
            "acme.yaml:5: credentials.main: this key stands here twice",
        ),
        ("- a\n- b\n", "acme.yaml:1: Expected `object`, got `array` (write keys and values: {key: value})"),
        ("", "acme.yaml:1: the file is empty"),
        ("# only a comment\n", "acme.yaml:1: the file is empty"),
        (BASE + "domains: {a\n", "acme.yaml:4: not YAML: "),
        (BASE + "a: b: c\n", "acme.yaml:3: not YAML: mapping values are not allowed in this context"),
        (BASE + "\tdomains: {}\n", "acme.yaml:3: not YAML: "),
        ("account: a\0b\n", "acme.yaml:1: not YAML: "),
        (BASE + "---\naccount: b\n", "acme.yaml:3: not YAML: "),
        (
            BASE + "domains: &d {a.example: {}}\nsubaccounts: *d\n",
            "acme.yaml:4: subaccounts: YAML aliases (*name) are not taken: write the value out",
        ),
        (BASE + "domains: !!python/object:os.system {}\n", "acme.yaml:3: domains: the YAML tag "),
        (BASE + "customer_id: !!binary aGk=\n", "acme.yaml:3: customer_id: the YAML tag "),
        (BASE + "? [a]\n: b\n", "acme.yaml:1: a key must be plain text"),
        (
            BASE + "limits: {per_day: 012}\n",
            "acme.yaml:3: limits.per_day: 012 is a number in YAML (write plain digits, or put",
        ),
        (BASE + "limits: {per_day: 1:30}\n", "acme.yaml:3: limits.per_day: 1:30 is a number in YAML"),
        (BASE + "customer_id: 0x1F\n", "acme.yaml:3: customer_id: 0x1F is a number in YAML"),
        (BASE + "customer_id: .inf\n", "acme.yaml:3: customer_id: .inf is a number in YAML"),
        (BASE + f"limits: {{per_day: {'9' * 5000}}}\n", "acme.yaml:3: limits.per_day: "),
        (BASE + "limits: {per_day: 1.5}\n", "acme.yaml:3: limits.per_day: Expected `int`, got `float`"),
    ],
)
def test_a_mistake_is_named_with_line_key_and_remedy(file: Path, text: str, said: str) -> None:
    assert complaint(file, text).startswith(said)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml: cannot be read: No such file or directory"):
        Document(tmp_path / "gone.yaml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        Document(tmp_path)


def test_text_that_is_not_utf8_is_named(file: Path) -> None:
    file.write_bytes(BASE.encode() + b"customer_id: \xff\n")
    with pytest.raises(ConfigError, match="not YAML"):
        Document(file)


def test_an_alias_bomb_is_refused_at_once(file: Path) -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    with at_most(0.5):
        assert "aliases" in complaint(file, "\n".join(lines))


def test_keys_are_the_text_that_stands_there(file: Path) -> None:
    file.write_text(BASE + "subaccounts:\n  123: {}\n  0123: {}\n  no: {}\n  1e3: {}\n")
    assert list(Document(file).convert(Account).subaccounts) == ["123", "0123", "no", "1e3"]


def test_times_keep_their_zone(file: Path) -> None:
    file.write_text(
        BASE
        + "credentials:\n  a: {expires: 2027-01-31T12:00:00+02:00}\n  b: {expires: '2027-01-31T00:00:00Z'}\n"
    )
    found = Document(file).convert(Account).credentials
    assert found["a"].expires == datetime(2027, 1, 31, 10, tzinfo=UTC)
    assert found["b"].expires == datetime(2027, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("key_path", "line"),
    [
        (("credentials", "main", "key"), 4),
        (("credentials", "main", "gone"), 4),
        (("list", 1), 6),
        (("gone",), 1),
        ((), 1),
    ],
)
def test_the_line_of_the_innermost_key_that_is_there_is_found(
    file: Path, key_path: tuple[str | int, ...], line: int
) -> None:
    file.write_text("\ncredentials:\n\n  main: {key: a}\nlist:\n  [a, b]\n")
    assert Document(file).line(key_path) == (2 if line == 1 else line)


@settings(max_examples=200)
@given(text=st.text(alphabet="ab:{}[]-,'\"#&*!|>%@`? \n\t019", max_size=40) | st.text(max_size=40))
def test_any_text_is_read_or_named(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(ConfigError):
        Document(file).convert(Account)
