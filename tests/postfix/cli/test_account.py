import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from estafeta_core.config.document import ConfigError
from estafeta_core.config.load import load_accounts
from estafeta_postfix.cli import estafeta
from estafeta_postfix.cli.failure import Failure
from estafeta_testing.milter_site import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def run(site: Site, *arguments: str) -> Result:
    return CliRunner().invoke(
        estafeta, ["--config", str(site.config), "account", *arguments], catch_exceptions=False
    )


def account_of(site: Site, name: str) -> object:
    return next(each for each in load_accounts(site.folder / "accounts.d") if each.account == name)


def test_a_new_account_is_a_file_that_the_daemons_take(site: Site) -> None:
    done = run(
        site, "create", "shop", "--dialect", "emitlo", "--domain", "Shop.example", "--domain", "b.example"
    )
    assert "estafeta key create shop/main" in done.stderr
    file = site.folder / "accounts.d" / "shop.yaml"
    assert file.read_text() == (
        "account: shop\ndialect: emitlo\ndomains:\n"
        "  Shop.example: {verified: true}\n  b.example: {verified: true}\n"
    )
    assert file.stat().st_mode & 0o777 == 0o640
    made = account_of(site, "shop")
    assert list(made.domains) == ["shop.example", "b.example"]  # type: ignore[attr-defined]


def test_print_writes_nothing(site: Site) -> None:
    done = run(site, "create", "shop", "--dialect", "perfit", "--print")
    assert done.stdout == "account: shop\ndialect: perfit\n"
    assert not (site.folder / "accounts.d" / "shop.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("acme", "--dialect", "sparkpost"), "the account acme exists"),
        (("a b", "--dialect", "sparkpost"), "is not a name"),
        (("../shop", "--dialect", "sparkpost"), "is not a name"),
        (("shop", "--dialect", "sparkpost", "--domain", "a: b"), "is not a domain"),
        (("shop", "--dialect", "sparkpost", "--domain", "-.example"), "is not a domain"),
    ],
)
def test_what_cannot_be_made_is_told_and_nothing_is_written(
    site: Site, arguments: tuple[str, ...], text: str
) -> None:
    before = sorted((site.folder / "accounts.d").iterdir())
    with pytest.raises(Failure, match=text) as raised:
        run(site, "create", *arguments)
    assert raised.value.status == 2
    assert sorted((site.folder / "accounts.d").iterdir()) == before


def test_a_file_that_the_daemons_would_not_take_is_removed(site: Site) -> None:
    again = ("--domain", "shop.example", "--domain", "shop.example")
    with pytest.raises(ConfigError, match=r"shop\.yaml"):
        run(site, "create", "shop", "--dialect", "sparkpost", *again)
    assert not (site.folder / "accounts.d" / "shop.yaml").exists()


def test_accounts_are_listed(site: Site) -> None:
    rows = {row["account"]: row for row in json.loads(run(site, "list", "--json").stdout)}
    assert rows["acme"]["dialect"] == "sparkpost"
    assert rows["acme"]["credentials"] == 2
    assert "acme.example" in rows["acme"]["domains"]
    lines = run(site, "list").stdout.splitlines()
    assert lines[0].split() == ["ACCOUNT", "DIALECT", "DOMAINS", "CREDENTIALS"]
    assert len(lines) == 1 + len(rows)


def test_t9_a_customer_is_told_the_host_and_the_ports(site: Site) -> None:
    shown = json.loads(run(site, "show", "plan", "--json").stdout)
    assert [(each["host"], each["port"], each["tls"]) for each in shown["places"]] == [
        ("mx.example.com", 58700, "starttls"),
        ("mx.example.com", 2500, "starttls"),
        ("mx.example.com", 589, "required"),
    ]
    assert shown["places"][0]["mechanisms"] == ["LOGIN"]
    page = run(site, "show", "plan").stdout
    assert "remitente@dominio.example" in page
    assert "58700" in page
    with pytest.raises(Failure, match="there is no account nobody"):
        run(site, "show", "nobody")


def test_an_account_is_removed_when_somebody_says_yes(site: Site) -> None:
    run(site, "create", "shop", "--dialect", "perfit")
    file = site.folder / "accounts.d" / "shop.yaml"
    with pytest.raises(Failure, match="nothing was removed"):
        CliRunner().invoke(
            estafeta,
            ["--config", str(site.config), "account", "remove", "shop"],
            input="n\n",
            catch_exceptions=False,
        )
    assert file.exists()
    assert "removed" in run(site, "remove", "shop", "--yes").stderr
    assert not file.exists()
    with pytest.raises(Failure, match="there is no account shop"):
        run(site, "remove", "shop", "--yes")
