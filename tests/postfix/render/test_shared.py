import msgspec
import pytest

from estafeta_core.config.schema import Config, IpPool
from estafeta_postfix.render.listener import MILTER_FAULTS, SMUGGLING
from estafeta_postfix.render.place import Ways
from estafeta_postfix.render.service import Service
from estafeta_postfix.render.shared import NAMES, Operator, services
from estafeta_postfix.render.shield import TABLES

NAMED = {"mydomain": "example", "myorigin": "/etc/mailname", "mydestination": "host.example, localhost"}
CLEANUP = Service("cleanup", "cleanup", private="n", chroot="y", options={"syslog_name": "own"})


@pytest.fixture
def operator() -> Operator:
    return Operator(
        Ways(10587, "[relay.example]"),
        CLEANUP,
        NAMED,
        header_checks="regexp:/own",
        followers={"mime_header_checks": "regexp:/own"},
        smtp_header_checks="regexp:/out",
    )


@pytest.fixture
def made(config: Config, operator: Operator) -> dict[str, Service]:
    pooled = msgspec.structs.replace(config, ip_pools={"own": IpPool(bind_address="192.0.2.1")})
    return {each.name: each for each in services(pooled, operator)}


def test_every_smtpd_of_ours_is_guarded_and_shielded(made: dict[str, Service]) -> None:
    smtpds = [each for each in made.values() if each.command == "smtpd"]
    assert len(smtpds) == 4
    for each in smtpds:
        assert {**MILTER_FAULTS, **SMUGGLING}.items() <= each.options.items()
        assert TABLES["smtpd"].keys() <= each.options.keys()
        assert each.options["content_filter"] == ""


def test_what_is_local_to_the_host_is_local_to_our_services(made: dict[str, Service], config: Config) -> None:
    assert NAMED.keys() == set(NAMES)
    ours = [each for each in made.values() if each.command in ("smtpd", "cleanup")]
    own = [each for each in ours if each.options.get("myhostname") == config.hostname]
    assert len(own) == len(ours) - 1  # estafeta-requeue is the operator's
    assert all(NAMED.items() <= each.options.items() for each in own)


def test_nothing_of_ours_runs_in_the_chroot_but_what_stands_for_the_operators(
    made: dict[str, Service],
) -> None:
    assert [each.name for each in made.values() if each.chroot != "n"] == ["estafeta-requeue"]


def test_pickups_cleanup_is_the_operators_with_one_look_more(made: dict[str, Service]) -> None:
    requeue = made["estafeta-requeue"]
    assert requeue.options.keys() == {"syslog_name", "mime_header_checks", "header_checks"}
    assert requeue.options["syslog_name"] == "own"
    assert requeue.options["header_checks"].endswith("}, regexp:/own")


def test_a_pool_takes_out_our_fields_and_what_the_operator_takes_out(made: dict[str, Service]) -> None:
    checks = made["estafeta-pool-own"].options["smtp_header_checks"]
    assert checks == "regexp:{{/^X-Estafeta-/ IGNORE}}, regexp:/out"


def test_the_operators_own_ways_out_are_not_ours(made: dict[str, Service]) -> None:
    assert "smtp" not in made
    assert not {"bounce", "defer", "trace", "pickup", "cleanup"} & made.keys()
