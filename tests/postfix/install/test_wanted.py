from collections.abc import Callable

import msgspec
import pytest

from estafeta_core.config.schema import Config
from estafeta_postfix.install.facts import Facts
from estafeta_postfix.install.wanted import PARAMETERS, wanted, wanted_services

FactsOf = Callable[..., Facts]


def test_main_cf_gets_the_queue_managers_settings_each_with_its_reason(config: Config, facts: Facts) -> None:
    lines = wanted(config, facts).main_cf.block.splitlines()
    assert lines[1::2] == [f"{each.name} = {each.value}" for each in PARAMETERS]
    assert lines[::2] == [f"# {each.reason}" for each in PARAMETERS]


def test_what_the_operator_has_set_well_enough_is_not_said_again(config: Config, facts_of: FactsOf) -> None:
    facts = facts_of("qmgr_message_recipient_minimum = 6000\n")
    assert "qmgr_message_recipient_minimum" not in wanted(config, facts).main_cf.block


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("qmgr_message_recipient_minimum", "4999", False),
        ("qmgr_message_recipient_minimum", "5000", True),
        ("qmgr_message_recipient_minimum", "$other", False),
        ("estafeta-split_destination_recipient_limit", "2", False),
        ("estafeta-split_destination_rate_delay", "1s", False),
    ],
)
def test_what_is_enough(name: str, value: str, *, expected: bool) -> None:
    (parameter,) = (each for each in PARAMETERS if each.name == name)
    assert parameter.enough(value) is expected


def test_master_cf_gets_services_of_our_names_and_pickup_its_override(config: Config, facts: Facts) -> None:
    made = wanted(config, facts)
    names = [line.split()[0] for line in made.master_cf.block.splitlines() if not line.startswith(" ")]
    port = config.listeners["perfit"].port
    assert names == [
        f"127.0.0.1:{port}",
        "estafeta-cleanup",
        "estafeta-split",
        f"127.0.0.1:{config.delivery_port}",
        "estafeta-copies",
        "estafeta-lmtp",
        "estafeta-requeue",
        "estafeta-pool-own",
    ]
    assert made.master_cf.hook


@pytest.mark.parametrize(
    ("main_cf", "checks", "mime"),
    [
        ("", "", ""),
        ("header_checks = regexp:/a\n", ", regexp:/a", "regexp:/a"),
        ("header_checks = regexp:/a\nmime_header_checks =\n", ", regexp:/a", None),
    ],
)
def test_local_mail_is_looked_at_by_the_operators_checks_as_before(
    config: Config, facts_of: FactsOf, main_cf: str, checks: str, mime: str | None
) -> None:
    (requeue,) = (
        each for each in wanted_services(config, facts_of(main_cf)) if each.name == "estafeta-requeue"
    )
    assert requeue.options["header_checks"].startswith("regexp:{{/^X-Estafeta-Job: /")
    assert requeue.options["header_checks"].endswith("}" + checks)
    assert requeue.options.get("mime_header_checks") == mime
    assert requeue.chroot == "y"


def test_a_pool_leaves_by_the_operators_relayhost_or_by_the_recipients_domain(
    config: Config, facts_of: FactsOf
) -> None:
    for main_cf, expected in (("relayhost = [r.example]:587\n", ":[r.example]:587}"), ("", ":}")):
        services = wanted_services(config, facts_of(main_cf))
        (again,) = (each for each in services if each.name == "estafeta-copies")
        assert f"FILTER estafeta-pool-$$1{expected}" in again.options["milter_header_checks"]


def test_tables_are_those_of_the_listeners(config: Config, facts: Facts) -> None:
    teenvio = msgspec.structs.replace(config.listeners["perfit"], dialects=("teenvio",))
    made = wanted(msgspec.structs.replace(config, listeners={"t": teenvio}), facts)
    assert sorted(made.tables) == ["t.command_filter", "t.reject_footer"]
    assert "regexp:$config_directory/estafeta/t.command_filter" in made.master_cf.block
