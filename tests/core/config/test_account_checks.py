from pathlib import Path

import pytest

from estafeta_core import secrets
from estafeta_core.config import load
from estafeta_core.config.document import ConfigError


def complaint(path: Path) -> str:
    """Return what is said about the accounts beside the configuration, without the folder."""
    with pytest.raises(ConfigError) as caught:
        load.load(path)
    return str(caught.value).replace(f"{path.parent}/", "")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("account: acme", "account: a b", "accounts.d/acme.yaml:1: account: 'a b' is not a name"),
        (
            "dialect: sparkpost",
            "dialect: hermes",
            "accounts.d/acme.yaml:2: dialect: unknown dialect 'hermes' (known: ",
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
        (
            '{key: "',
            '{allow_from: ["::ffff:192.0.2.0/120"], key: "',
            (
                "accounts.d/acme.yaml:8: credentials.main.allow_from.0: ::ffff:192.0.2.0/120 is an IPv4"
                " network written as IPv6 (write 192.0.2.0/24)"
            ),
        ),
        (
            '{key: "',
            '{domains: [acme.example, other.example], key: "',
            (
                "accounts.d/acme.yaml:8: credentials.main.domains.1: other.example is none of the account's"
                " domains (add it to them, or remove it here)"
            ),
        ),
        (
            '{key: "',
            '{domains: [x.acme.example], key: "',
            "accounts.d/acme.yaml:8: credentials.main.domains.0: x.acme.example is none of",
        ),
        (
            '{key: "',
            '{domains: [acme], key: "',
            "accounts.d/acme.yaml:8: credentials.main.domains.0: 'acme' is not a domain such as",
        ),
        (
            "dialect: sparkpost",
            "dialect: sparkpost\nsenders:\n  - news@acme.example\n  - news",
            "accounts.d/acme.yaml:5: senders.1: 'news' is not an address such as news@example.com",
        ),
        (
            "dialect: sparkpost",
            "dialect: sparkpost\nsenders: ['News <news@acme.example>']",
            "accounts.d/acme.yaml:3: senders.0: 'News <news@acme.example>' is not an address",
        ),
        (
            "dialect: sparkpost",
            "dialect: sparkpost\nteenvio: {check_from: true}",
            (
                "accounts.d/acme.yaml:3: teenvio: only accounts of the dialect teenvio have this section"
                " (remove it)"
            ),
        ),
        (
            "dialect: sparkpost",
            "dialect: sparkpost\nsuspend_at: {complaint_rate: 0, bounce_rate: 0}",
            "accounts.d/acme.yaml:3: suspend_at: with both rates 0 nothing is ever suspended",
        ),
        (
            "dialect: sparkpost",
            "dialect: sparkpost\nsuspend_at: {bounce_rate: 10}",
            "accounts.d/acme.yaml:3: suspend_at.bounce_rate: Expected `float` <= 1",
        ),
        (
            "dialect: sparkpost",
            "dialect: sparkpost\ndevino: {}",
            "accounts.d/acme.yaml:3: devino: only accounts of the dialect devino have this section",
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
            "credentials.main.username: devino finds credentials by a user",
        ),
        (
            "username: 'a b', password: x",
            "credentials.main.username: devino finds credentials by a user name",
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
    config: Path, account: Path, entry: str, said: str
) -> None:
    account.write_text(f"account: acme\ndialect: devino\ncredentials: {{main: {{{entry}}}}}\n")
    assert complaint(config).startswith(f"accounts.d/acme.yaml:3: {said}")


def test_a_name_with_a_password_or_a_key_is_taken_where_users_have_names(config: Path, account: Path) -> None:
    password, key = secrets.hash_password("x"), secrets.hash_key(secrets.generate_key())
    account.write_text(
        "account: acme\ndialect: devino\ncredentials:\n"
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


def test_one_user_name_belongs_to_one_credential(config: Path, account: Path) -> None:
    password = secrets.hash_password("x")
    account.write_text(
        "account: acme\ndialect: devino\ncredentials:\n"
        f"  a: {{username: user, password: '{password}'}}\n  b: {{username: user, password: '{password}'}}\n"
    )
    said = "the user name user is already in accounts.d/acme.yaml:4: credentials.a.username"
    assert complaint(config) == f"accounts.d/acme.yaml:5: credentials.b.username: {said}"


TEENVIO = """\
account: plan
dialect: teenvio
senders: [remitente@dominio.example]
teenvio:
  social:
    facebook: https://www.facebook.com/dominio
credentials:
  usuario: {username: usuario.plan, password: "PASSWORD"}
"""
DEVINO = """\
account: website
dialect: devino
senders: [noreply@devino.example]
devino:
  attachment_types: [pdf, 7z]
credentials:
  1website: {username: 1website, password: "PASSWORD"}
"""


@pytest.mark.parametrize("text", [TEENVIO, DEVINO])
def test_what_a_dialect_has_may_be_said_of_its_accounts(config: Path, account: Path, text: str) -> None:
    account.write_text(text.replace("PASSWORD", secrets.hash_password("x")))
    (credential,) = load.load(config).directory.credentials()
    assert credential.senders == set(credential.account.senders)


@pytest.mark.parametrize(
    ("text", "old", "new", "said"),
    [
        (
            TEENVIO,
            "https://www.facebook.com/dominio",
            "www.facebook.com/dominio",
            "acme.yaml:6: teenvio.social.facebook: 'www.facebook.com/dominio' is not a URL such as https://",
        ),
        (
            TEENVIO,
            "https://www.facebook.com/dominio",
            "'javascript:alert(1)'",
            "acme.yaml:6: teenvio.social.facebook: 'javascript:alert(1)' is not a URL",
        ),
        (TEENVIO, "facebook:", "'':", "acme.yaml:6: teenvio.social.: '' is not the name of a network"),
        (TEENVIO, "facebook:", "<b>:", "acme.yaml:6: teenvio.social.<b>: '<b>' is not the name of a network"),
        (
            TEENVIO,
            "username: usuario.plan",
            "username: usuario",
            "acme.yaml:8: credentials.usuario.username: teenvio finds credentials by a user name: user.plan",
        ),
        (TEENVIO, "username: usuario.plan", "username: .plan", "acme.yaml:8: credentials.usuario.username: "),
        (TEENVIO, "teenvio:", "devino:", "acme.yaml:5: devino.social: unknown key"),
        (
            DEVINO,
            "[pdf, 7z]",
            "[pdf, .7z]",
            "acme.yaml:5: devino.attachment_types.1: '.7z' is not an extension",
        ),
        (DEVINO, "[pdf, 7z]", "[PDF]", "acme.yaml:5: devino.attachment_types.0: 'PDF' is not an extension"),
        (DEVINO, "[pdf, 7z]", "[tar.gz]", "acme.yaml:5: devino.attachment_types.0: 'tar.gz' is not an exten"),
        (DEVINO, "[pdf, 7z]", "['']", "acme.yaml:5: devino.attachment_types.0: '' is not an extension"),
        (
            DEVINO,
            "username: 1website",
            "username: ü",
            "acme.yaml:7: credentials.1website.username: devino finds credentials by a user name: of letters",
        ),
    ],
)
def test_what_is_wrong_in_a_dialects_own_settings_is_named(
    config: Path, account: Path, text: str, old: str, new: str, said: str
) -> None:
    assert old in text
    account.write_text(text.replace("PASSWORD", secrets.hash_password("x")).replace(old, new))
    assert complaint(config).startswith(f"accounts.d/{said}")


def test_a_credentials_domains_are_compared_as_the_accounts_are(config: Path, account: Path) -> None:
    text = account.read_text().replace("acme.example:", "münchen.example:")
    account.write_text(text.replace('{key: "', '{domains: [MÜNCHEN.example, sub.acme.example], key: "'))
    (credential,) = load.load(config).directory.credentials()
    assert credential.settings.domains == ("xn--mnchen-3ya.example", "sub.acme.example")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            "ip_pools: [marketing, other]",
            (
                "ip_pools.1: there is no pool 'other' in estafeta.yaml"
                " (add it to its ip_pools, or remove it here)"
            ),
        ),
        (
            "defaults: {ip_pool: marketing}",
            "defaults.ip_pool: 'marketing' is none of the account's ip_pools (add it to them)",
        ),
        (
            "ip_pools: [alerts]\ndefaults: {ip_pool: marketing}",
            "defaults.ip_pool: 'marketing' is none of the account's ip_pools (add it to them)",
        ),
    ],
)
def test_s36_an_account_uses_pools_that_are_there_and_its_own(config: Path, more: str, said: str) -> None:
    config.write_text(config.read_text() + "ip_pools: {marketing: {}, alerts: {}}\n")
    account = config.parent / "accounts.d" / "acme.yaml"
    account.write_text(account.read_text() + more + "\n")
    assert complaint(config).partition(": ")[2] == said


def test_s36_a_subaccounts_pool_is_one_of_the_accounts(config: Path) -> None:
    config.write_text(config.read_text() + "ip_pools: {marketing: {}, alerts: {}}\n")
    account = config.parent / "accounts.d" / "acme.yaml"
    text = account.read_text().replace("[sub.acme.example]", "[sub.acme.example], ip_pool: alerts")
    account.write_text(f"{text}ip_pools: [marketing]\n")
    said = "subaccounts.123.ip_pool: 'alerts' is none of the account's ip_pools (add it to them)"
    assert complaint(config) == f"accounts.d/acme.yaml:6: {said}"
    account.write_text(f"{text}ip_pools: [marketing, alerts]\n")
    (credential,) = load.load(config).directory.credentials()
    assert credential.account.ip_pools == ("marketing", "alerts")


def test_where_estafeta_yaml_was_not_read_any_pool_may_be_there(account: Path) -> None:
    account.write_text(account.read_text() + "ip_pools: [marketing]\n")
    (found,) = load.load_accounts(account.parent)
    assert found.ip_pools == ("marketing",)
