"""Whereto a post may go: what stands in a URL, and which addresses and ports. No socket, no resolver.

Accounts choose URLs, and the posts leave from inside the operator's network. So only http and https to
public addresses, on ports 80 and 443, unless `webhooks.allow_networks` and `webhooks.allow_ports` say
otherwise. A URL is never judged by how it is spelt: `127.1`, `0x7f000001` and a name that leads to 127.0.0.1
resolve to the same address, and addresses are what is judged, each time a post is made.

The table is our own: `ipaddress.is_private` of Python 3.11.7 calls 192.0.0.0/24 and others wrongly
(CVE-2024-4032), and knows nothing of IPv4 addresses inside IPv6 ones. Sources: IANA's registries of
special-purpose addresses for IPv4 and IPv6.

Raises Refused, whose text is for whoever chose the URL.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

import httpx2

from estafeta_core.config.schema import Webhooks

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PORTS = {"http": 80, "https": 443}
URL_CHARACTERS = 2048  # what proxies and servers commonly take

_NOT_PUBLIC_4 = (
    "0.0.0.0/8",  # this host
    "10.0.0.0/8",
    "100.64.0.0/10",  # between a provider and its customers
    "127.0.0.0/8",
    "169.254.0.0/16",  # link-local: metadata services of clouds
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",  # documentation
    "192.88.99.0/24",  # relays of 6to4
    "192.168.0.0/16",
    "198.18.0.0/15",  # benchmarks
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",  # groups
    "240.0.0.0/4",  # reserved, and broadcast
)
# Global unicast is 2000::/3. All else is refused with it: ::1, ::ffff:0:0/96 and 64:ff9b::/96 with an IPv4
# address inside, fc00::/7, fe80::/10, ff00::/8.
_GLOBAL_6 = "2000::/3"
_NOT_PUBLIC_6 = (
    "2001::/23",  # protocols: Teredo carries an IPv4 address
    "2001:db8::/32",  # documentation
    "2002::/16",  # 6to4 carries an IPv4 address
    "3fff::/20",  # documentation
)

_REFUSED_4 = tuple(map(ipaddress.IPv4Network, _NOT_PUBLIC_4))
_TAKEN_6 = ipaddress.IPv6Network(_GLOBAL_6)
_REFUSED_6 = tuple(map(ipaddress.IPv6Network, _NOT_PUBLIC_6))


class Refused(Exception):  # noqa: N818 - it names an answer, not a mistake
    """No post may go there."""


@dataclass(frozen=True, slots=True)
class Guard:
    """What the operator allows besides the public Internet."""

    networks: tuple[Network, ...] = ()
    ports: frozenset[int] = frozenset()

    @classmethod
    def from_config(cls, settings: Webhooks) -> "Guard":
        """Return the guard that `webhooks.allow_networks` and `webhooks.allow_ports` ask for."""
        return cls(tuple(map(ipaddress.ip_network, settings.allow_networks)), frozenset(settings.allow_ports))

    def check(self, addresses: Iterable[str], port: int) -> list[Address]:
        """Return the addresses a name leads to, all of them fit to be posted to; Refused for any that is not.

        One of many is enough to refuse: whoever owns the name could have it chosen.
        """
        read = [ipaddress.ip_address(address) for address in addresses]
        for address in read:
            self._check(address, port)
        return read

    def _check(self, address: Address, port: int) -> None:
        if any(address in network for network in self.networks):
            return
        if not is_public(address):
            raise Refused(f"the address {address} is not a public one")
        if port not in self.ports and port not in PORTS.values():
            raise Refused(f"port {port} is not one of 80 and 443")


def is_public(address: Address) -> bool:
    """Return whether an address is a host's on the public Internet."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _REFUSED_4)
    return address in _TAKEN_6 and not any(address in network for network in _REFUSED_6)


def parse(text: str) -> httpx2.URL:
    """Return a URL as it is posted to: the guard and the client must not read it differently. Refused."""
    if len(text) > URL_CHARACTERS:
        raise Refused(f"a URL has at most {URL_CHARACTERS} characters")
    if not text.isprintable() or {" ", "\\"} & set(text):
        raise Refused("a URL holds no spaces, control characters or backslashes")
    try:
        url = httpx2.URL(text)
    except (httpx2.InvalidURL, ValueError):
        raise Refused("it is no URL") from None
    if url.scheme not in PORTS:
        raise Refused("a URL begins with http:// or https://")
    if not url.host:
        raise Refused("the URL names no host")
    if url.port is not None and not 1 <= url.port <= 65535:
        raise Refused("a port is a number from 1 to 65535")
    if url.userinfo or "@" in text.split("//", 1)[1].partition("/")[0]:
        raise Refused("a URL holds no user name or password (use auth_credentials)")
    return url


def port(url: httpx2.URL) -> int:
    """Return the port that a URL leads to."""
    return url.port or PORTS[url.scheme]
