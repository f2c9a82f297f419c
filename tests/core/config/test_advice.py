from pathlib import Path

import pytest

from estafeta_core import secrets
from estafeta_core.config import advice, load
from estafeta_core.config.document import Document

PASSWORD = secrets.hash_password("x")
TEENVIO = f"""\
account: plan
dialect: teenvio
senders: [remitente@dominio.example]
credentials:
  usuario: {{username: usuario.plan, password: "{PASSWORD}"}}
"""
CHECK_FROM = "teenvio: {check_from: false}\n"


def told(config: Path) -> list[str]:
    """Return what is said about a configuration, without the folder."""
    document, read = Document(config), load.load_config(config)
    accounts = list(load.read_accounts(read.accounts_dir, read.ip_pools))
    served = frozenset(dialect for listener in read.listeners.values() for dialect in listener.dialects)
    found = [
        *advice.of_config(document, read),
        *advice.of_listeners(document, read, frozenset(account.dialect for _, account in accounts)),
        *advice.of_pools(document, read),
        *(told for each, account in accounts for told in advice.of_account(each, account, served)),
    ]
    return [str(each).replace(f"{config.parent}/", "") for each in found]


def told_of(account: Path, text: str) -> list[str]:
    """Return what is said about this account file, and its listener; without the folder and the file."""
    account.write_text(text)
    config = account.parents[1] / "estafeta.yaml"
    dialect = text.partition("dialect: ")[2].partition("\n")[0]
    config.write_text(config.read_text().replace("[sparkpost]", f"[{dialect}]"))
    assert load.load(config).warnings == (), "what is about accounts is no news to daemons"
    return [line.removeprefix("accounts.d/acme.yaml:") for line in told(config)]


@pytest.mark.parametrize(
    ("limits", "warned"),
    [
        ("{hosts: 2}", True),
        ("{hosts: 1}", False),
        ("{hosts: 2, store: 'redis://127.0.0.1:1/0'}", False),
        ("{store: 'redis://127.0.0.1:1/0'}", False),
    ],
)
def test_hosts_that_count_each_for_itself_are_told(config: Path, limits: str, *, warned: bool) -> None:
    lines = config.read_text().count("\n")
    with config.open("a") as file:
        file.write(f"limits: {limits}\n")
    expected = [f"estafeta.yaml:{lines + 1}: limits.hosts: {advice.ALONE}"]
    assert [line for line in told(config) if "limits" in line] == (expected if warned else [])


@pytest.mark.parametrize(
    ("bind", "tls", "warned"),
    [
        ("0.0.0.0", "none", True),
        ("::", "none", True),
        ("192.0.2.1", "none", True),
        ("::ffff:192.0.2.1", "none", True),
        ("127.0.0.1", "none", False),
        ("127.1.2.3", "none", False),
        ("::1", "none", False),
        ("::ffff:127.0.0.1", "none", False),
        ("0.0.0.0", "starttls", False),
        ("0.0.0.0", "required", False),
        ("0.0.0.0", "implicit", False),
    ],
)
def test_p03_a_listener_that_sends_keys_in_clear_over_the_network_is_warned_of(
    config: Path, bind: str, tls: str, warned: bool
) -> None:
    listener = f'  perfit:\n    dialects: [perfit]\n    port: 2525\n    bind: "{bind}"\n    tls: {tls}\n'
    config.write_text(config.read_text().replace("signing_keys", f"{listener}signing_keys"))
    warnings = [str(warning) for warning in load.load(config).warnings]
    if warned:
        assert warnings == [f"{config}:10: listeners.perfit.tls: {advice.IN_CLEAR}"]
    else:
        assert warnings == []


def test_a_configuration_with_which_mail_goes_is_not_spoken_of(config: Path) -> None:
    assert told(config) == []


def test_a_dialect_without_listener_and_a_listener_without_account(config: Path, account: Path) -> None:
    account.write_text(TEENVIO)
    assert told(config) == [
        f"estafeta.yaml:5: listeners.submission.dialects: {advice.IDLE}",
        f"accounts.d/acme.yaml:2: dialect: {advice.UNSERVED}",
    ]
    config.write_text(config.read_text().replace("[sparkpost]", "[sparkpost, teenvio]"))
    assert told(config) == []


def test_an_account_nobody_can_log_in_to(account: Path) -> None:
    text = account.read_text().partition("credentials:")[0]
    assert told_of(account, text) == [f"1: credentials: {advice.NO_CREDENTIAL}"]


@pytest.mark.parametrize("permissions", ["[]", "[events]", "[events, skip_suppression]"])
def test_a_credential_that_may_not_send(account: Path, permissions: str) -> None:
    text = account.read_text().replace("main: {", f"main: {{permissions: {permissions}, ")
    assert told_of(account, text) == [f"8: credentials.main.permissions: {advice.NO_SEND}"]


def test_an_account_without_a_domain_to_send_from(account: Path) -> None:
    text = account.read_text().replace("verified: true", "verified: false")
    assert told_of(account, text) == [], "a subaccount has one"
    text = text.replace("domains: [sub.acme.example]", "domains: [acme.example]")
    said = "none is verified: every message is refused (sparkpost verifies domains)"
    assert told_of(account, text) == [f"3: domains: {said}"]
    assert told_of(account, text.replace("verified: false", "verified: dns")) == [], "DNS may verify it"


def test_senders_where_domains_are_verified(account: Path) -> None:
    said = "nobody reads them: sparkpost verifies domains (list them under domains)"
    assert told_of(account, account.read_text() + "senders: [a@acme.example]\n") == [f"9: senders: {said}"]


@pytest.mark.parametrize("more", ["", CHECK_FROM])
def test_no_senders_where_addresses_are_verified(account: Path, more: str) -> None:
    said = "there is none: every message is refused (teenvio verifies single addresses)"
    text = TEENVIO.replace("senders: [remitente@dominio.example]\n", more)
    assert told_of(account, text) == [f"1: senders: {said}"]


@pytest.mark.parametrize(
    ("more", "read"),
    [
        ("domains: {dominio.example: {verified: true}}\n", False),
        ("domains: {dominio.example: {verified: true}}\n" + CHECK_FROM, True),
        ("domains: {dominio.example: {verified: true, bounce: true}}\n", True),
    ],
)
def test_domains_where_addresses_are_verified(account: Path, more: str, read: bool) -> None:
    said = "6: domains: nobody reads them: teenvio verifies single addresses (list those under senders)"
    assert told_of(account, TEENVIO + more) == ([] if read else [said])


def test_domains_that_a_credential_names_are_read(account: Path) -> None:
    text = TEENVIO.replace("username:", "domains: [dominio.example], username:")
    assert told_of(account, text + "domains: {dominio.example: {}}\n") == []


def test_t16_the_plan_in_a_user_name_is_the_account(account: Path) -> None:
    assert told_of(account, TEENVIO) == []
    said = "its plan is otro, and the account is plan"
    assert told_of(account, TEENVIO.replace("usuario.plan", "usuario.otro")) == [
        f"5: credentials.usuario.username: {said}"
    ]


@pytest.mark.parametrize(
    ("default", "told"),
    [
        ("", advice.UNSIGNED),
        ("default: new, ", "new is not verified, so mail that chooses no key leaves unsigned"),
        ("default: [new, dns], ", "new is not verified and signs nothing"),
        ("default: [s1, new], ", "new is not verified and signs nothing"),
        ("default: s1, ", None),
        ("default: [s1, mk], ", None),
    ],
)
def test_s38_mail_that_leaves_unsigned_though_there_are_keys(
    account: Path, default: str, told: str | None
) -> None:
    keys = "{s1: a, mk: b, new: {file: c, verified: false}, dns: {file: d, verified: dns}}"
    dkim = f"{{verified: true, dkim: {{{default}keys: {keys}}}}}"
    said = told_of(account, account.read_text().replace("{verified: true}", dkim))
    assert said == ([f"4: domains.acme.example.dkim.default: {told}"] if told else [])


def test_domains_that_are_signed_for_are_read(account: Path) -> None:
    signed = "domains: {dominio.example: {dkim: {default: s1, keys: {s1: a}}}}\n"
    assert told_of(account, TEENVIO + signed) == []


def test_s36_a_pool_whose_address_this_host_does_not_have_is_warned_of(config: Path) -> None:
    pools = "{a: {bind_address: 127.0.0.2, helo: a.example}, b: {bind_address: 192.0.2.10}, c: {}}"
    config.write_text(f"{config.read_text()}ip_pools: {pools}\n")
    assert [line for line in told(config) if "ip_pools" in line] == [
        f"estafeta.yaml:7: ip_pools.b.bind_address: {advice.NOT_HERE}"
    ]
    assert load.load(config).warnings == (), "a daemon may start before the address is there"


@pytest.mark.parametrize(("bind", "warned"), [("0.0.0.0", True), ("::", True), ("192.0.2.11", False)])
def test_a_listener_that_believes_everybody_about_his_address_is_warned_of(
    config: Path, bind: str, warned: bool
) -> None:
    old = "{dialects: [sparkpost], port: 587}"
    assert old in config.read_text()
    listener = f"{{dialects: [sparkpost], port: 587, proxy_protocol: true, bind: '{bind}'}}"
    config.write_text(config.read_text().replace(old, listener))
    found = [each for each in told(config) if "listeners.submission.proxy_protocol: whoever reaches" in each]
    assert len(found) == warned
