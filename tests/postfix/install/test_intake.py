from collections.abc import Callable
from pathlib import Path

import pytest

from estafeta_core.config.schema import Config
from estafeta_postfix.install.facts import Facts
from estafeta_postfix.install.intake import missing

FactsOf = Callable[..., Facts]


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
    facts = facts_of(main_cf.replace("FILE", str(tmp_path / "domains")))
    assert list(missing(config, facts)) == []


def test_where_there_is_none_the_line_to_add_is_told_with_what_is_there(
    config: Config, facts_of: FactsOf
) -> None:
    (text,) = missing(config, facts_of("relay_domains = other.example\n"))
    assert text.endswith("relay_domains = other.example, bounce.example.com")
