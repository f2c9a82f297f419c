from pathlib import Path

from estafeta_core.config.load import load_accounts
from estafeta_core.dialects import DIALECTS
from estafeta_core.directory import Directory
from estafeta_core.secrets import MIN_KEY_LENGTH, PasswordChecker
from estafeta_postfix import demo_accounts
from estafeta_postfix.dkim_keys import of_account

# Account/name, dialect and user name, as the documents of the house promise them.
PROMISED = [
    ("acme/main", "sparkpost", "SMTP_Injection"),
    ("acme/readonly", "sparkpost", "SMTP_Injection"),
    ("acme/sendonly", "sparkpost", "SMTP_Injection"),
    ("plan/usuario", "teenvio", "usuario.plan"),
    ("website/1website", "devino", "1website"),
    ("website/2website", "devino", "2website"),
    ("micuenta/main", "perfit", "apikey"),
    ("yourdomain/prod", "emitlo", "prod_demo"),
    ("yourdomain/suspended", "emitlo", "prod_suspended"),
    ("yourdomain/revoked", "emitlo", "prod_revoked"),
    ("yourdomain/nosend", "emitlo", "prod_nosend"),
    ("yourdomain/limited", "emitlo", "prod_limited"),
]


def write(folder: Path) -> list[demo_accounts.DemoCredential]:
    (folder / "accounts.d").mkdir(exist_ok=True)
    return demo_accounts.write(folder / "accounts.d", folder / "dkim")


def test_the_printed_secrets_open_the_written_accounts(tmp_path: Path) -> None:
    credentials = write(tmp_path)
    directory = Directory(load_accounts(tmp_path / "accounts.d"))
    assert [(each.id, each.dialect, each.username) for each in credentials] == PROMISED
    for each in credentials:
        by_username = directory.by_username(each.dialect, each.username)
        found = by_username or directory.by_key(each.dialect, each.password)
        assert found is not None
        assert found.id == each.id
        stored = found.settings.password
        assert not stored or PasswordChecker().check(each.id, stored, each.password)
        assert stored or directory.by_key(each.dialect, each.password) is found


def test_every_credential_says_what_it_shows_and_what_it_may_send_from(tmp_path: Path) -> None:
    for each in write(tmp_path):
        assert each.note
        assert each.domains
        assert each.senders[0].rpartition("@")[2] in each.domains


def test_the_accounts_show_what_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    accounts = {account.account: account for account in load_accounts(tmp_path / "accounts.d")}
    acme = accounts["acme"]
    assert acme.domains["acme.example"].verified is True
    assert acme.domains["new.example"].verified is False
    assert acme.subaccounts["123"].domains == ("sub.acme.example",)
    permissions = {name: set(credential.permissions) for name, credential in acme.credentials.items()}
    assert permissions == {
        "main": {"send", "events", "skip_suppression", "manage"},
        "readonly": {"events"},
        "sendonly": {"send"},
    }
    assert "remitente@dominio.example" in accounts["plan"].senders
    assert "pendiente@dominio.example" not in accounts["plan"].senders
    assert accounts["website"].credentials["1website"].allow_from == ("127.0.0.0/8", "::1")
    assert accounts["website"].credentials["2website"].allow_from == ("192.0.2.0/24",)
    emitlo = accounts["yourdomain"].credentials
    assert (emitlo["suspended"].status, emitlo["revoked"].status) == ("suspended", "revoked")
    assert "send" not in emitlo["nosend"].permissions
    assert emitlo["limited"].limits.per_minute == 3


def test_a_key_of_perfits_form_tells_its_account(tmp_path: Path) -> None:
    [key] = [each.password for each in write(tmp_path) if each.dialect == "perfit"]
    assert key.startswith("micuenta-tr-")


def test_a_secret_is_taken_for_no_option_of_a_command(tmp_path: Path) -> None:
    made = {each.password for _ in range(20) for each in write(tmp_path)}
    assert not [each for each in made if each.startswith("-")]


def test_no_secret_is_written_down(tmp_path: Path) -> None:
    credentials = write(tmp_path)
    for file in (tmp_path / "accounts.d").iterdir():
        assert not any(each.password in file.read_text() for each in credentials)
        assert file.stat().st_mode & 0o777 == 0o600
    assert not {each.password for each in write(tmp_path)} & {each.password for each in credentials}


def test_acme_has_keys_to_sign_with_and_a_pool_to_leave_from(tmp_path: Path) -> None:
    write(tmp_path)
    (acme,) = (each for each in load_accounts(tmp_path / "accounts.d") if each.account == "acme")
    dkim = acme.domains["acme.example"].dkim
    assert (dkim and dkim.default, acme.ip_pools, acme.defaults.ip_pool) == (
        ("default",),
        ("my_ip_pool",),
        "",
    )
    found = {each.name: (each.read().algorithm, each.key.verified) for each in of_account(acme)}
    assert found == {
        "default": ("rsa-sha256", True),
        "marketing": ("rsa-sha256", True),
        "ed25519": ("ed25519-sha256", True),
        "pending": ("ed25519-sha256", False),
    }


def test_keys_that_are_there_stay_and_nobody_else_reads_them(tmp_path: Path) -> None:
    write(tmp_path)
    before = {file: file.read_bytes() for file in (tmp_path / "dkim").iterdir()}
    assert {file.stat().st_mode & 0o777 for file in before} == {0o600}
    assert (tmp_path / "dkim").stat().st_mode & 0o777 == 0o700
    write(tmp_path)
    assert {file: file.read_bytes() for file in (tmp_path / "dkim").iterdir()} == before


def test_every_other_dialect_has_an_account_that_may_do_everything(tmp_path: Path) -> None:
    credentials = demo_accounts.write(tmp_path, tmp_path / "dkim", demo_accounts.OTHERS)
    accounts = {account.dialect: account for account in load_accounts(tmp_path)}
    assert accounts.keys() == DIALECTS.keys() - {dialect for _, dialect, _ in PROMISED}
    directory = Directory(load_accounts(tmp_path))
    for each in credentials:
        found = directory.by_username(each.dialect, each.username)
        found = found or directory.by_key(each.dialect, each.password)
        assert found is not None
        assert found.id == each.id
        assert set(found.settings.permissions) == {"send", "events", "skip_suppression", "manage"}
        assert DIALECTS[each.dialect].parse_username(each.username) is not None


def test_secrets_and_networks_can_be_chosen(tmp_path: Path) -> None:
    credentials = demo_accounts.write(
        tmp_path,
        tmp_path / "dkim",
        secret=lambda demo, login: f"{login.name}-of-{demo.account}-{'x' * MIN_KEY_LENGTH}",
        here=("10.0.0.0/8", "fc00::/7"),
    )
    assert {each.id: each.password for each in credentials}["website/1website"].startswith(
        "1website-of-website-"
    )
    [website] = [each for each in load_accounts(tmp_path) if each.account == "website"]
    assert website.credentials["1website"].allow_from == ("10.0.0.0/8", "fc00::/7")
    assert website.credentials["2website"].allow_from == ("192.0.2.0/24",)


def test_whom_the_accounts_do_not_mail() -> None:
    rows = demo_accounts.suppressions(lambda: 7)
    assert {(row.account, row.recipient, row.type) for row in rows} == {
        ("acme", "suppressed@example.net", "transactional"),
        ("acme", "suppressed@example.net", "non_transactional"),
        ("website", "unsubscribed@example.net", "non_transactional"),
        ("website", "hardbounce@example.net", "transactional"),
        ("website", "hardbounce@example.net", "non_transactional"),
    }
    assert {row.created for row in rows} == {7}
