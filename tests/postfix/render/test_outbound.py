import re

import msgspec
import pytest

from estafeta_core import jobs, tickets
from estafeta_core.config.schema import Config, IpPool
from estafeta_core.rules import ip_pool
from estafeta_postfix.render.outbound import POOL, pool_rule, services
from estafeta_postfix.render.place import Place
from estafeta_postfix.render.service import Service
from estafeta_postfix.render.values import RenderError

FOUR = "192.0.2.10"
SIX = "2001:db8::10"


def pool(config: Config, name: str = "marketing", **settings: str) -> Service:
    """Return the transport of a pool."""
    _, made = services(msgspec.structs.replace(config, ip_pools={name: IpPool(**settings)}))
    return made


def test_without_pools_there_is_one_way_out(config: Config) -> None:
    assert [each.name for each in services(config)] == ["smtp"]


def test_s36_a_pool_is_a_transport_with_addresses_and_a_name_of_its_own(config: Config) -> None:
    made = pool(config, bind_address=FOUR, bind_address6=SIX, helo="m1.example.com")
    assert (made.name, made.command) == ("estafeta-pool-marketing", "smtp")
    assert made.options["syslog_name"] == "postfix/estafeta-pool-marketing"
    assert made.options["smtp_bind_address"] == FOUR
    assert made.options["smtp_bind_address6"] == SIX
    assert made.options["smtp_helo_name"] == "m1.example.com"


@pytest.mark.parametrize(
    ("four", "six", "families"), [(FOUR, "", "ipv4"), ("", SIX, "ipv6"), (FOUR, SIX, "all")]
)
def test_mail_never_leaves_from_an_address_that_is_not_the_pools(
    config: Config, four: str, six: str, families: str
) -> None:
    made = pool(config, bind_address=four, bind_address6=six)
    assert made.options["inet_protocols"] == families
    assert made.options["smtp_bind_address_enforce"] == "yes"


def test_a_pool_without_an_address_only_greets_by_its_name(config: Config) -> None:
    options = pool(config, helo="m1.example.com").options
    assert not [name for name in options if "bind" in name or name == "inet_protocols"]
    assert "smtp_helo_name" not in pool(config).options


@pytest.mark.parametrize("name", ["a b", "a{b", "a$b"])
def test_what_postfix_would_take_apart_is_refused(config: Config, name: str) -> None:
    with pytest.raises(RenderError):
        pool(config, name)
    with pytest.raises(RenderError):
        pool(config, helo=name)


@pytest.mark.parametrize(
    ("field", "transport"),
    [
        ("X-Estafeta-Pool: marketing", "estafeta-pool-marketing"),
        ("X-Estafeta-Pool: a.B_c-9", "estafeta-pool-a.B_c-9"),
        ("X-Estafeta-Pool: a b", None),
        ("X-Estafeta-Pool: a:b", None),
        ("X-Estafeta-Pool: ", None),
        ("X-Estafeta-Pools: marketing", None),
        ("Subject: X-Estafeta-Pool: marketing", None),
    ],
)
def test_a_field_leads_to_the_transport_of_its_pool_and_on_to_the_relayhost(
    place: Place, field: str, transport: str | None
) -> None:
    rule = re.fullmatch(r"\{/(.*)/i FILTER (\S+)\}", pool_rule(place).replace("$$", "$"))
    assert rule is not None
    found = re.search(rule[1], field)
    action = found and rule[2].replace("$1", found[1])
    assert action == (transport and f"{transport}:[127.0.0.1]:10025")


def test_nothing_of_ours_leaves_from_a_pool_and_other_mail_leaves_as_it_lies_in_the_queue(
    config: Config,
) -> None:
    own, *pools = services(msgspec.structs.replace(config, ip_pools={"a": IpPool(), "b": IpPool()}))
    assert (own.name, own.options) == ("smtp", {})
    assert [each.name for each in pools] == [f"{POOL}a", f"{POOL}b"]
    for each in pools:
        pattern = re.fullmatch(r"regexp:\{\{/(\S+)/ IGNORE\}\}", each.options["smtp_header_checks"])
        assert pattern is not None
        for field in (jobs.FIELD, ip_pool.FIELD, tickets.FIELD):
            assert re.match(pattern[1], f"{field}: x")
        assert not re.match(pattern[1], "X-Other: X-Estafeta-Job: x")
