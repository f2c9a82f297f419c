"""The records that DNS has to hold for a sending domain and for the host, as zone files write them.

SPF is asked of the domain in MAIL FROM: that is `bounce_domain`, or the sending domain where envelope
senders in it stay (`bounce: true`, `return_path: domain` or `keep`).
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from estafeta_core.claims import Claim
from estafeta_core.config.accounts import Account, Domain
from estafeta_core.config.schema import Config
from estafeta_milter.dkim.keys import KeyFileError
from estafeta_postfix import dkim_keys
from estafeta_postfix.domains.verification import record_of

Kind = Literal["TXT", "MX", "CNAME"]


@dataclass(frozen=True, slots=True)
class Record:
    """One record, and what for."""

    purpose: str
    name: str  # without the final dot
    type: Kind
    value: str  # TXT: its text; MX: preference and host
    why: str

    def zone_line(self) -> str:
        """Return the line of a zone file."""
        if self.type == "TXT":
            return dkim_keys.zone_line(self.name, self.value)
        return f"{self.name}. IN {self.type} {self.value}."


def of_domain(config: Config, account: Account, domain: str, challenge: str) -> Iterator[Record]:
    """Yield what to publish for a domain of an account; `challenge` "": it is not DNS that verifies it.

    A key that cannot be read is left out: `estafeta check` tells of it.
    """
    settings = account.domains.get(domain, Domain())
    if challenge:
        why = f"proves that the domain is {account.account}'s"
        yield Record("verification", *_txt(record_of(domain, challenge)), why)
    for key in dkim_keys.of_account(account):
        if key.domain == domain:
            try:
                record = key.read().record()
            except KeyFileError:
                continue
            yield Record("dkim", key.place, "TXT", record, f"verifies what the key {key.name} signs")
    if leaves_in(account, settings):
        yield Record("spf", domain, "TXT", f"v=spf1 include:{config.bounce_domain} ~all", _ONE_SPF)
    yield Record("dmarc", f"_dmarc.{domain}", "TXT", dmarc_of(domain), _DMARC)
    if settings.bounce:
        yield Record("bounce", domain, "MX", f"10 {config.hostname}", "bounces come here")


def of_host(config: Config) -> Iterator[Record]:
    """Yield what to publish once, whatever domains there are."""
    bounce, why = config.bounce_domain, "bounces, complaints and unsubscribes come here"
    yield Record("bounce", bounce, "MX", f"10 {config.hostname}", why)
    yield Record("spf", bounce, "TXT", spf_of(config), "the addresses that mail leaves from")
    for url in dict.fromkeys((config.base_url, config.hosting.base_url or config.base_url)):
        host = urlsplit(url).hostname or ""
        if host != config.hostname and not _is_address(host):
            yield Record("tracking", host, "CNAME", config.hostname, "links, pixels and files lead here")


# Addresses that no host on the internet sees mail come from (RFC 1918, 6598, 4193, 4291 and loopback).
_INTERNAL = tuple(
    map(
        ipaddress.ip_network,
        (
            *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8"),
            *("::1/128", "fc00::/7", "fe80::/10"),
        ),
    )
)

_ONE_SPF = "envelope senders in the domain stay; put the include into its SPF record if there is one"
_DMARC = "a beginning that refuses nothing; p=quarantine or reject once reports look well"


def leaves_in(account: Account, domain: Domain) -> bool:
    """Whether envelope senders in a domain stay as they are, so that its own SPF record is asked."""
    return domain.bounce or account.defaults.return_path in ("domain", "keep")


def addresses_of(config: Config) -> list[tuple[str, str]]:
    """Return each address that a pool leaves from, with the name it says in EHLO."""
    return [
        (address, pool.helo or config.hostname)
        for pool in config.ip_pools.values()
        for address in (pool.bind_address, pool.bind_address6)
        if address
    ]


def is_internal(address: str) -> bool:
    """Whether nobody outside sees an address."""
    parsed = ipaddress.ip_address(address)
    return any(parsed in network for network in _INTERNAL)


def spf_of(config: Config) -> str:
    """Return the SPF record of `bounce_domain`."""
    pools = (
        f"ip{6 if ':' in address else 4}:{address}"
        for address, _ in addresses_of(config)
        if not is_internal(address)
    )
    return " ".join(["v=spf1", f"a:{config.hostname}", *dict.fromkeys(pools), "-all"])


def dmarc_of(domain: str) -> str:
    """Return the DMARC record to begin with."""
    return f"v=DMARC1; p=none; rua=mailto:postmaster@{domain}"


def claim_of(account: Account, domain: str) -> Claim | None:
    """Return what DNS has to verify of the domain itself, if it has to."""
    settings = account.domains.get(domain)
    waits = settings is not None and settings.verified == "dns"
    return Claim(account.account, domain) if waits else None


def _txt(record: tuple[str, str]) -> tuple[str, Kind, str]:
    name, text = record
    return name, "TXT", text


def _is_address(host: str) -> bool:
    return ":" in host or host.rpartition(".")[2].isdecimal()
