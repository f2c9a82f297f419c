from pathlib import Path

import pytest

from estafeta_core import secrets
from estafeta_core.config import checks, load
from estafeta_core.config.document import ConfigError
from estafeta_core.dialects import DIALECTS
from estafeta_core.dialects.sparkpost import SparkPost


class People(SparkPost):
    """A dialect whose users have names and choose passwords."""

    name = "people"
    found_by = "username"


def complaint(path: Path) -> str:
    """Return what is said about the configuration or the accounts beside it, without the folder."""
    with pytest.raises(ConfigError) as caught:
        load.load(path)
    return str(caught.value).replace(f"{path.parent}/", "")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("mx.example.com", "mx_example", "estafeta.yaml:1: hostname: 'mx_example' is not a host name"),
        (
            "https://click.example.com",
            "click.example.com",
            "estafeta.yaml:2: base_url: 'click.example.com' is not",
        ),
        ("https://click.example.com", "ftp://x.example", "estafeta.yaml:2: base_url: "),
        ("https://click.example.com", "https://", "estafeta.yaml:2: base_url: "),
        ("https://click.example.com", "https://x.example/?a=b", "estafeta.yaml:2: base_url: "),
        ("https://click.example.com", "'https://x.example/a b'", "estafeta.yaml:2: base_url: "),
        ("https://click.example.com", "https://me@x.example", "estafeta.yaml:2: base_url: "),
        ("https://click.example.com", "https://x.example:99999", "estafeta.yaml:2: base_url: "),
        ("https://click.example.com", '"https://[x"', "estafeta.yaml:2: base_url: "),
        ("bounce.example.com", "bounce", "estafeta.yaml:3: bounce_domain: 'bounce' is not a domain"),
        (
            "[sparkpost]",
            "[sparkpost, sendgrid]",
            "estafeta.yaml:5: listeners.submission.dialects.1: unknown dialect",
        ),
        ("[sparkpost]", "[]", "estafeta.yaml:5: listeners.submission.dialects: names no dialect"),
        (
            "[sparkpost]",
            "[sparkpost, sparkpost]",
            "estafeta.yaml:5: listeners.submission.dialects: names one twice",
        ),
        ("port: 587", "port: 70000", "estafeta.yaml:5: listeners.submission.port: Expected `int` <= 65535"),
        (
            "port: 587",
            "port: 587, bind: localhost",
            "estafeta.yaml:5: listeners.submission.bind: 'localhost' is not an IP",
        ),
        (
            "port: 587",
            "port: 587, tls: maybe",
            "estafeta.yaml:5: listeners.submission.tls: Invalid enum value",
        ),
        (
            "port: 587",
            "port: 587, mechanisms: [CRAM-MD5]",
            "estafeta.yaml:5: listeners.submission.mechanisms.0: ",
        ),
        (
            "port: 587",
            "port: 587, mechanisms: [PLAIN, PLAIN]",
            "estafeta.yaml:5: listeners.submission.mechanisms: ",
        ),
        (
            "submission:",
            '"sub mission":',
            "estafeta.yaml:5: listeners.sub mission: 'sub mission' is not a name",
        ),
        (
            "  submission: {dialects: [sparkpost], port: 587}",
            "  {}",
            "estafeta.yaml:4: listeners: names no listener",
        ),
        ("[link.key]", "[]", "estafeta.yaml:6: signing_keys: names no key"),
        (
            "[link.key]",
            "[gone.key]",
            "estafeta.yaml:6: signing_keys.0: gone.key cannot be read: No such file",
        ),
        (
            "[link.key]",
            "[estafeta.yaml, short.key]",
            "estafeta.yaml:6: signing_keys.1: short.key holds 31 bytes",
        ),
        ("[link.key]", "[link.key]\nstore: mysql://x", "estafeta.yaml:7: store: must be sqlite:///"),
        (
            "[link.key]",
            "[link.key]\nstore_timeout: 60",
            "estafeta.yaml:7: store_timeout: Expected `float` < 60",
        ),
        ("[link.key]", "[link.key]\nweb: {bind: x}", "estafeta.yaml:7: web.bind: 'x' is not an IP address"),
        (
            "[link.key]",
            "[link.key]\nhosts: x",
            "estafeta.yaml:7: hosts: unknown key (did you mean `hostname`?)",
        ),
    ],
)
def test_a_value_that_cannot_be_used_is_named(config: Path, old: str, new: str, said: str) -> None:
    (config.parent / "short.key").write_bytes(b"k" * 31 + b"\n")
    assert old in config.read_text()
    config.write_text(config.read_text().replace(old, new))
    assert complaint(config).startswith(said)


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("0.0.0.0", "127.0.0.1", True),
        ("::", "::1", True),
        ("::1", "0:0::1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("0.0.0.0", "::", False),
    ],
)
def test_two_listeners_on_one_port_are_told_apart_by_address_only(
    config: Path, first: str, second: str, clash: bool
) -> None:
    old = "  submission: {dialects: [sparkpost], port: 587}"
    new = f'{old[:-1]}, bind: "{first}"}}\n  other: {{dialects: [sparkpost], port: 587, bind: "{second}"}}'
    config.write_text(config.read_text().replace(old, new))
    if clash:
        assert (
            complaint(config)
            == f"estafeta.yaml:6: listeners.other.port: {second}:587 is taken by listener submission"
        )
    else:
        assert len(load.load_config(config).listeners) == 2


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("account: acme", "account: a b", "accounts.d/acme.yaml:1: account: 'a b' is not a name"),
        (
            "dialect: sparkpost",
            "dialect: sendgrid",
            "accounts.d/acme.yaml:2: dialect: unknown dialect 'sendgrid' (known: ",
        ),
        ("  123:", "  1/2:", "accounts.d/acme.yaml:6: subaccounts.1/2: '1/2' is not a name"),
        ("  main:", "  -main:", "accounts.d/acme.yaml:8: credentials.-main: '-main' is not a name"),
        (
            '{key: "',
            '{username: x, key: "',
            "accounts.d/acme.yaml:8: credentials.main.username: sparkpost finds",
        ),
        (
            '{key: "',
            '{password: x, key: "',
            "accounts.d/acme.yaml:8: credentials.main.password: sparkpost finds",
        ),
        (
            'key: "sha256:',
            'key: "sha1:',
            "accounts.d/acme.yaml:8: credentials.main.key: not a stored key of the form",
        ),
        ('{key: "', "{status: active, #", "accounts.d/acme.yaml:9: not YAML"),
        (
            '{key: "',
            '{allow_from: [192.0.2.0/24, 192.0.2.1/24], key: "',
            "accounts.d/acme.yaml:8: credentials.main.allow_from.1: 192.0.2.1/24 has host bits set",
        ),
    ],
)
def test_an_account_that_cannot_be_used_is_named(
    config: Path, account: Path, old: str, new: str, said: str
) -> None:
    assert old in account.read_text()
    account.write_text(account.read_text().replace(old, new))
    assert complaint(config).startswith(said)


def test_a_credential_needs_a_secret_and_an_account_needs_no_credential(config: Path, account: Path) -> None:
    head = account.read_text().partition("credentials:")[0]
    account.write_text(head)
    assert load.load(config).directory.credentials() == []
    account.write_text(head + "credentials:\n  main: {}\n")
    said = "accounts.d/acme.yaml:8: credentials.main: needs one secret: `key` (made by: estafeta key create)"
    assert complaint(config) == said


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            f"password: '{secrets.hash_password('x')}'",
            "credentials.main.username: people finds credentials by a user",
        ),
        (
            "username: 'a b', password: x",
            "credentials.main.username: people finds credentials by a user name",
        ),
        ("username: a", "credentials.main: needs one secret: `key` or `password`"),
        ("username: a, password: x", "credentials.main.password: not a stored password"),
        (
            f"username: a, password: x, key: '{secrets.hash_key(secrets.generate_key())}'",
            "credentials.main: needs one secret",
        ),
    ],
)
def test_where_users_have_names_a_credential_needs_name_and_secret(
    config: Path, account: Path, monkeypatch: pytest.MonkeyPatch, entry: str, said: str
) -> None:
    monkeypatch.setitem(DIALECTS, "people", People())
    account.write_text(f"account: acme\ndialect: people\ncredentials: {{main: {{{entry}}}}}\n")
    assert complaint(config).startswith(f"accounts.d/acme.yaml:3: {said}")


def test_a_name_with_a_password_or_a_key_is_taken_where_users_have_names(
    config: Path, account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DIALECTS, "people", People())
    password, key = secrets.hash_password("x"), secrets.hash_key(secrets.generate_key())
    account.write_text(
        "account: acme\ndialect: people\ncredentials:\n"
        f"  a: {{username: user.a, password: '{password}'}}\n  b: {{username: b@x, key: '{key}'}}\n"
    )
    assert len(load.load(config).directory.credentials()) == 2


@pytest.mark.parametrize(
    ("replace", "said"),
    [
        (
            ("account: acme", "account: acme"),
            "b.yaml:1: account: the account acme is already in accounts.d/acme.yaml:1: account",
        ),
        (
            ("account: acme", "account: b"),
            (
                "b.yaml:8: credentials.main.key: this key is already in accounts.d/acme.yaml:8:"
                " credentials.main.key"
            ),
        ),
    ],
)
def test_what_two_files_claim_is_named_in_both(
    config: Path, account: Path, replace: tuple[str, str], said: str
) -> None:
    (account.parent / "b.yaml").write_text(account.read_text().replace(*replace))
    assert complaint(config) == f"accounts.d/{said}"


def test_one_user_name_belongs_to_one_credential(
    config: Path, account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DIALECTS, "people", People())
    password = secrets.hash_password("x")
    account.write_text(
        "account: acme\ndialect: people\ncredentials:\n"
        f"  a: {{username: user, password: '{password}'}}\n  b: {{username: user, password: '{password}'}}\n"
    )
    said = "the user name user is already in accounts.d/acme.yaml:4: credentials.a.username"
    assert complaint(config) == f"accounts.d/acme.yaml:5: credentials.b.username: {said}"


def test_every_check_passes_on_what_is_right(config: Path) -> None:
    assert load.load(config).config.signing_keys[0].read_bytes() == b"k" * checks.SIGNING_KEY_BYTES
