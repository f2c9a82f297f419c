import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from estafeta_core.config.accounts import Domain
from estafeta_core.config.load import load_accounts
from estafeta_postfix.cli import estafeta
from estafeta_postfix.cli.failure import Failure
from estafeta_testing.milter_site import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def run(site: Site, *arguments: str) -> Result:
    return CliRunner().invoke(
        estafeta, ["--config", str(site.config), "domain", *arguments], catch_exceptions=False
    )


def domains(site: Site) -> dict[str, Domain]:
    [acme] = [each for each in load_accounts(site.folder / "accounts.d") if each.account == "acme"]
    return acme.domains


def test_a_domain_is_added_and_every_other_line_stays(site: Site) -> None:
    file = site.folder / "accounts.d" / "acme.yaml"
    before = file.read_text().splitlines()
    run(site, "add", "acme", "third.example", "--bounce")
    assert domains(site)["third.example"] == Domain(verified=True, bounce=True)
    after = file.read_text().splitlines()
    assert [line for line in after if line not in before] == [
        "  third.example: {verified: true, bounce: true}"
    ]
    assert [line for line in after if line in before] == before


def test_a_domain_may_wait_for_its_verification(site: Site) -> None:
    run(site, "add", "acme", "bücher.example", "--unverified")
    assert domains(site)["xn--bcher-kva.example"] == Domain(verified=False)


def test_the_first_domain_of_an_account_is_added(site: Site) -> None:
    run(site, "add", "website", "devino.example")
    [website] = [each for each in load_accounts(site.folder / "accounts.d") if each.account == "website"]
    assert list(website.domains) == ["devino.example"]


def test_a_domain_is_removed_however_it_is_spelt(site: Site) -> None:
    run(site, "remove", "acme", "NEW.example")
    assert "new.example" not in domains(site)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("add", "acme", "ACME.example"), "has the domain ACME.example already"),
        (("add", "acme", "no domain"), "is not a domain"),
        (("add", "nobody", "a.example"), "there is no account nobody"),
        (("remove", "acme", "other.example"), "has no domain other.example"),
    ],
)
def test_what_cannot_be_done_changes_nothing(site: Site, arguments: tuple[str, ...], text: str) -> None:
    before = (site.folder / "accounts.d" / "acme.yaml").read_text()
    with pytest.raises(Failure, match=text) as raised:
        run(site, *arguments)
    assert raised.value.status == 2
    assert (site.folder / "accounts.d" / "acme.yaml").read_text() == before


def test_domains_are_listed(site: Site) -> None:
    rows = {row["domain"]: row for row in json.loads(run(site, "list", "--account", "acme", "--json").stdout)}
    assert rows["acme.example"]["verified"] is True
    assert rows["new.example"]["verified"] is False
    assert rows["bounces.acme.example"]["bounce"] is True
    assert "yourdomain.example" in run(site, "list").stdout
