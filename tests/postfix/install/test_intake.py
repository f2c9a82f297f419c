from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from estafeta_core.config.schema import Config
from estafeta_postfix.install.facts import Facts
from estafeta_postfix.install.intake import missing
from estafeta_postfix.render.intake import destination

FactsOf = Callable[..., Facts]


@pytest.fixture
def facts_of(facts_of: FactsOf, tmp_path: Path) -> FactsOf:
    """Return the same, of an instance whose folder is there: postmap(1) looks into it."""
    folder = tmp_path / "conf"
    folder.mkdir()
    (folder / "main.cf").write_text("compatibility_level = 3.6\n")
    return lambda main_cf: replace(facts_of(main_cf), config_directory=folder)


def way(config: Config, before: str = "") -> str:
    return f"transport_maps = {before}inline:{{{{ bounce.example.com = {destination(config)} }}}}\n"


@pytest.mark.parametrize(
    "main_cf",
    [
        "relay_domains = other.example, bounce.example.com\n",
        "virtual_mailbox_domains = bounce.example.com\n",
        "mydestination = $myhostname bounce.example.com\n",
        "relay_domains = inline:{{ bounce.example.com = yes }}\n",
        "relay_domains = FILE\n",
    ],
)
def test_a_domain_that_is_in_any_list_has_a_way_in(
    config: Config, facts_of: FactsOf, tmp_path: Path, main_cf: str
) -> None:
    (tmp_path / "domains").write_text("a.example\nbounce.example.com\n")
    facts = facts_of(main_cf.replace("FILE", str(tmp_path / "domains")) + way(config))
    assert list(missing(config, facts)) == []


def test_where_there_is_none_the_line_to_add_is_told_with_what_is_there(
    config: Config, facts_of: FactsOf
) -> None:
    (text,) = missing(config, facts_of("relay_domains = other.example\n" + way(config)))
    assert text.endswith("relay_domains = other.example, bounce.example.com")


@pytest.mark.parametrize(
    "tables",
    ["", "transport_maps = inline:{{ bounce.example.com = local: }}\n", "transport_maps = inline:{ a=b }\n"],
)
def test_where_the_domain_leads_elsewhere_the_line_to_add_is_told(
    config: Config, facts_of: FactsOf, tables: str
) -> None:
    (text,) = missing(config, facts_of("relay_domains = bounce.example.com\n" + tables))
    before = tables.partition(" = ")[2].strip()
    line = text.partition("say: ")[2] + "\n"
    assert line == way(config, f"{before}, " if before else "")


def test_the_way_is_found_behind_other_tables(config: Config, facts_of: FactsOf) -> None:
    main_cf = "relay_domains = bounce.example.com\n" + way(config, "inline:{ a.example=smtp:b }, ")
    assert list(missing(config, facts_of(main_cf))) == []
