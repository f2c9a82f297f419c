import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from estafeta_core.config.load import load_accounts
from estafeta_postfix.cli import estafeta
from estafeta_postfix.cli.failure import Failure
from estafeta_testing.milter_site import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def run(site: Site, *arguments: str) -> Result:
    return CliRunner().invoke(
        estafeta, ["--config", str(site.config), "sender", *arguments], catch_exceptions=False
    )


def senders(site: Site, account: str) -> tuple[str, ...]:
    [found] = [each for each in load_accounts(site.folder / "accounts.d") if each.account == account]
    return found.senders


def test_a_sender_is_added_to_those_that_are_there(site: Site) -> None:
    before = senders(site, "plan")
    run(site, "add", "plan", "nuevo@dominio.example")
    assert senders(site, "plan") == (*before, "nuevo@dominio.example")


def test_the_first_sender_of_an_account_is_added(site: Site) -> None:
    run(site, "add", "acme", "news@acme.example")
    assert senders(site, "acme") == ("news@acme.example",)


def test_a_sender_is_removed_however_it_is_spelt(site: Site) -> None:
    run(site, "remove", "plan", "Respuestas@DOMINIO.example")
    assert senders(site, "plan") == ("remitente@dominio.example", "ventas@otro.example")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("add", "plan", "remitente@dominio.example"), "already"),
        (("add", "plan", "not an address"), "is not an address"),
        (("remove", "plan", "nobody@dominio.example"), "has no sender"),
        (("add", "nobody", "a@b.example"), "there is no account nobody"),
    ],
)
def test_what_cannot_be_done_changes_nothing(site: Site, arguments: tuple[str, ...], text: str) -> None:
    before = senders(site, "plan")
    with pytest.raises(Failure, match=text) as raised:
        run(site, *arguments)
    assert raised.value.status == 2
    assert senders(site, "plan") == before


def test_senders_are_listed(site: Site) -> None:
    rows = json.loads(run(site, "list", "--account", "plan", "--json").stdout)
    assert [row["sender"] for row in rows] == list(senders(site, "plan"))
    assert "noreply@devino.example" in run(site, "list").stdout
