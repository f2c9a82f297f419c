"""SPF records: what is sound, and what they say of an address (RFC 7208)."""

import asyncio

import pytest

from estafeta_core.config.schema import Dns
from estafeta_postfix.domains.lookup import Answer, Resolver
from estafeta_postfix.domains.spf import Evaluation, Result, SpfError, parse, records
from estafeta_testing.name_server import FAILING, NameServer

HOSTS = (
    "host A 192.0.2.10",
    "host AAAA 2001:db8::10",
    "mail MX 10 host",
    "@ MX 10 host",
    "@ A 192.0.2.20",
)


def evaluated(dns: Dns, address: str, domain: str = "example.com") -> Result:
    async def asked() -> Result:
        return await Evaluation(Resolver(dns), address).of(domain)

    return asyncio.run(asked())


def test_what_is_an_spf_record_among_other_texts() -> None:
    texts = ("google-site-verification=x", "v=spf1 -all", "V=SPF1 ~all", "v=spf10 -all", "v=spf1")
    assert records(Answer("found", texts)) == ["v=spf1 -all", "V=SPF1 ~all", "v=spf1"]


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1",
        "v=spf1 a mx -all",
        "v=spf1  a:host.example.com/24//64 mx/30 ?all",
        "v=spf1 +ip4:192.0.2.0/24 ip6:2001:db8::/32 include:_spf.example.com ~all",
        "v=spf1 IP4:192.0.2.1 A -ALL exp=explain.example.com unknown=thing",
        "v=spf1 exists:%{i}.spf.example.com ptr redirect=other.example.com",
    ],
)
def test_records_that_receivers_can_read(record: str) -> None:
    parse(record)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("v=spf1 ipv4:192.0.2.1 -all", "'ipv4:192.0.2.1' is no mechanism"),
        ("v=spf1 ip4:192.0.2.300", "names no network"),
        ("v=spf1 ip4:2001:db8::1", "is not IPv4"),
        ("v=spf1 ip6:192.0.2.1", "is not IPv6"),
        ("v=spf1 include -all", "names no domain"),
        ("v=spf1 include:a.example,mx -all,", "'-all,' is no term"),
        ("v=spf1 all:x", "nothing follows all"),
        ("v=spf1 a/33", "no address is as long"),
        ("v=spf1 include:a.example/24", "only a and mx have a length"),
        ("v=spf1 redirect=a.example redirect=b.example", "twice"),
        ("v=spf1 redirect=", "names no domain"),
        ("v=spf1 &", "no term"),
    ],
)
def test_records_that_they_cannot(record: str, said: str) -> None:
    with pytest.raises(SpfError, match=said):
        parse(record)


@pytest.mark.parametrize(
    ("record", "address", "verdict"),
    [
        ("v=spf1 ip4:192.0.2.0/28 -all", "192.0.2.10", "pass"),
        ("v=spf1 ip4:192.0.2.0/28 -all", "192.0.2.16", "fail"),
        ("v=spf1 ip4:192.0.2.0/28 ~all", "2001:db8::10", "softfail"),
        ("v=spf1 ip6:2001:db8::/64 ?all", "2001:db8::10", "pass"),
        ("v=spf1 -ip4:192.0.2.10 +all", "192.0.2.10", "fail"),
        ("v=spf1", "192.0.2.10", "neutral"),
        ("v=spf1 a -all", "192.0.2.20", "pass"),
        ("v=spf1 a:host.example.com -all", "192.0.2.10", "pass"),
        ("v=spf1 a:host.example.com -all", "2001:db8::10", "pass"),
        ("v=spf1 a:host.example.com/24//64 -all", "192.0.2.200", "pass"),
        ("v=spf1 mx -all", "192.0.2.10", "pass"),
        ("v=spf1 mx:mail.example.com -all", "192.0.2.11", "fail"),
        ("v=spf1 include:inner.example.com -all", "192.0.2.30", "pass"),
        ("v=spf1 include:inner.example.com -all", "192.0.2.31", "fail"),
        ("v=spf1 redirect=inner.example.com", "192.0.2.31", "softfail"),
        ("v=spf1 include:host.example.com -all", "192.0.2.31", "permerror"),
        ("v=spf1 redirect=nobody.example.com", "192.0.2.31", "permerror"),
        (
            "v=spf1 include:example.com -all",
            "192.0.2.31",
            "permerror",
        ),  # itself, until the look-ups are used up
        ("v=spf1 a:n1.example.com a:n2.example.com a:n3.example.com a -all", "192.0.2.20", "permerror"),
        ("v=spf1 include:broken.example.com -all", "192.0.2.10", "permerror"),
        ("v=spf1 include:two.example.com -all", "192.0.2.10", "permerror"),
        (f"v=spf1 include:x.{FAILING} -all", "192.0.2.10", "temperror"),
        (f"v=spf1 a:x.{FAILING} -all", "192.0.2.10", "temperror"),
        ("v=spf1 exists:%{i}.example.com -all", "192.0.2.10", "undecided"),
        ("v=spf1 ip4:192.0.2.10 exists:%{i}.example.com -all", "192.0.2.10", "pass"),
        ("v=spf1 ptr -all", "192.0.2.10", "undecided"),
        ("v=spf1 redirect=%{d2}.example.com", "192.0.2.10", "undecided"),
    ],
)
def test_what_a_record_says_of_an_address(
    server: NameServer, dns: Dns, record: str, address: str, verdict: str
) -> None:
    server.publish(
        "example.com",
        *HOSTS,
        f'@ TXT "{record}"',
        'inner TXT "v=spf1 ip4:192.0.2.30 ~all"',
        'broken TXT "v=spf1 ip4:x -all"',
        'two TXT "v=spf1 -all"',
        'two TXT "v=spf1 ~all"',
    )
    result = evaluated(dns, address)
    assert (result.verdict, bool(result.reason)) == (verdict, True), result.reason


@pytest.mark.parametrize(("count", "verdict"), [(10, "pass"), (11, "permerror")])
def test_ten_look_ups_are_allowed(server: NameServer, dns: Dns, count: int, verdict: str) -> None:
    names = [f"n{number}" for number in range(count)]
    server.publish(
        "example.com",
        *(f'{name} TXT "v=spf1 ip4:192.0.2.{10 if name == names[-1] else 11} -all"' for name in names),
        f'@ TXT "v=spf1 {" ".join(f"include:{name}.example.com" for name in names[:5])} "'
        f' "{" ".join(f"include:{name}.example.com" for name in names[5:])} -all"',
    )
    assert evaluated(dns, "192.0.2.10").verdict == verdict


def test_without_a_record_there_is_none(server: NameServer, dns: Dns) -> None:
    server.withdraw("example.com")
    assert evaluated(dns, "192.0.2.10") == Result("none", "example.com has no SPF record")
