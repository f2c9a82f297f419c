"""Answers tell what is not there from what nobody knows, with a real name server."""

import asyncio

from estafeta_core.config.schema import Dns
from estafeta_postfix.domains.lookup import Answer, Kind, Resolver
from estafeta_testing.name_server import FAILING, NameServer


def ask(dns: Dns, name: str, kind: Kind = "TXT") -> Answer:
    async def asked() -> Answer:
        return await Resolver(dns).ask(name, kind)

    return asyncio.run(asked())


def test_records_of_each_kind_are_read(server: NameServer, dns: Dns) -> None:
    long = "x" * 300
    server.publish(
        "example.com",
        'two TXT "one" "two"',
        'two TXT "three"',
        f'long TXT "{long[:250]}" "{long[250:]}"',
        r'bytes TXT "caf\233"',
        "host A 192.0.2.1",
        "host AAAA 2001:db8::1",
        "alias CNAME host",
        "mail MX 20 second.example.com.",
        "mail MX 10 first.example.com.",
    )
    assert sorted(ask(dns, "two.example.com").records) == ["onetwo", "three"]
    assert ask(dns, "long.example.com").records == (long,)
    assert ask(dns, "bytes.example.com").records == ("caf\ufffd",)
    assert ask(dns, "alias.example.com", "A").records == ("192.0.2.1",)
    assert ask(dns, "alias.example.com", "CNAME").records == ("host.example.com",)
    assert ask(dns, "mail.example.com", "MX").records == ("first.example.com", "second.example.com")


def test_addresses_and_names_are_asked_for_together(server: NameServer, dns: Dns) -> None:
    server.publish("example.com", "host A 192.0.2.1", "host AAAA 2001:db8::1", "four A 192.0.2.4")
    server.publish("2.0.192.in-addr.arpa", "1 PTR host.example.com.")

    async def asked() -> list[Answer]:
        resolver = Resolver(dns)
        hosts = [resolver.addresses(f"{name}.example.com") for name in ("host", "four", "none")]
        return await asyncio.gather(*hosts, resolver.names("192.0.2.1"), resolver.names("192.0.2.9"))

    both, four, none, names, nameless = asyncio.run(asked())
    assert both.records == ("192.0.2.1", "2001:db8::1")
    assert (four.status, four.records) == ("found", ("192.0.2.4",))
    assert none.status == "missing"
    assert names.records == ("host.example.com",)
    assert nameless.status == "missing"


def test_what_is_not_there_is_missing(server: NameServer, dns: Dns) -> None:
    server.publish("example.com", "host A 192.0.2.1")
    assert ask(dns, "nobody.example.com") == Answer("missing", reason="the name does not exist")
    assert ask(dns, "host.example.com") == Answer("missing", reason="the name has no TXT record")


def test_what_no_server_can_tell_is_unknown(server: NameServer, dns: Dns) -> None:
    failing, refused = ask(dns, f"x.{FAILING}"), ask(dns, "other.test")
    assert (failing.status, "SERVFAIL" in failing.reason) == ("unknown", True)
    assert (refused.status, "REFUSED" in refused.reason) == ("unknown", True)
    with server.silent():
        silent = ask(Dns(servers=dns.servers, timeout=0.3), "host.example.com")
    assert silent == Answer("unknown", reason="no answer within 0.3 s")


def test_a_name_that_dns_cannot_carry_is_unknown(dns: Dns) -> None:
    assert ask(dns, f"{'x' * 64}.example.com").status == "unknown"
    assert ask(dns, "a..example.com").status == "unknown"


def test_many_questions_go_out_together_and_each_once(server: NameServer, dns: Dns) -> None:
    server.publish("example.com", *(f'n{number} TXT "{number}"' for number in range(200)))

    async def asked() -> list[Answer]:
        resolver = Resolver(dns)
        return await asyncio.gather(*(resolver.ask(f"N{n % 200}.example.com", "TXT") for n in range(400)))

    assert [answer.records for answer in asyncio.run(asked())] == [(str(n % 200),) for n in range(400)]
