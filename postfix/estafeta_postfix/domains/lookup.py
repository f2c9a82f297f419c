"""Questions to DNS, and answers that tell "it is not there" from "nobody knows".

    found     there are records of this kind
    missing   the name does not exist, or has none of this kind: a name server of the zone says so
    unknown   no server could tell: it failed (SERVFAIL), refused, or did not answer in time

Nothing is concluded from what is unknown. Names are asked for as they stand, without a search list.
"""

import asyncio
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver
import dns.reversename

from estafeta_core.config.checks import name_server
from estafeta_core.config.schema import Dns

Kind = Literal["TXT", "A", "AAAA", "MX", "CNAME", "PTR"]

AT_A_TIME = 50  # questions under way; a resolver takes them, and its own upstream does not notice


@dataclass(frozen=True, slots=True)
class Answer:
    """What DNS says; see the module's page."""

    status: Literal["found", "missing", "unknown"]
    records: tuple[str, ...] = ()  # TXT: its text; MX: the hosts, the preferred first; no final dots
    reason: str = ""  # why there are none


class Resolver:
    """Asks the name servers of the configuration, or those of the system; used by one event loop.

    The same question is asked once.
    """

    def __init__(self, settings: Dns) -> None:
        self._settings = settings
        self._asked: dict[tuple[str, Kind], asyncio.Task[Answer]] = {}
        self._at_a_time = asyncio.Semaphore(AT_A_TIME)

    async def ask(self, name: str, kind: Kind) -> Answer:
        """Return the records of a name, given as A-labels without a final dot."""
        key = (name.lower(), kind)
        if key not in self._asked:
            self._asked[key] = asyncio.create_task(self._ask(name, kind))
        return await asyncio.shield(self._asked[key])

    async def addresses(self, name: str) -> Answer:
        """Return the IPv4 and IPv6 addresses of a name."""
        four, six = await asyncio.gather(self.ask(name, "A"), self.ask(name, "AAAA"))
        found = four.records + six.records
        if found:
            return Answer("found", found)
        return four if four.status == "unknown" else six

    async def names(self, address: str) -> Answer:
        """Return the names of an address."""
        return await self.ask(dns.reversename.from_address(address).to_text(omit_final_dot=True), "PTR")

    async def _ask(self, name: str, kind: Kind) -> Answer:
        async with self._at_a_time:
            try:
                resolver = _resolver(tuple(self._settings.servers), self._settings.timeout)
                found = await resolver.resolve(dns.name.from_text(name), kind, search=False)
            except dns.resolver.NXDOMAIN:
                return Answer("missing", reason="the name does not exist")
            except dns.resolver.NoAnswer:
                return Answer("missing", reason=f"the name has no {kind} record")
            except dns.resolver.LifetimeTimeout:
                return Answer("unknown", reason=f"no answer within {self._settings.timeout:g} s")
            except dns.resolver.NoNameservers as error:
                return Answer("unknown", reason=_failures(error))
            except (dns.exception.DNSException, OSError, ValueError) as error:
                return Answer("unknown", reason=str(error) or type(error).__name__)
        return Answer("found", _texts(list(found), kind))


def _resolver(servers: Sequence[str], timeout: float) -> dns.asyncresolver.Resolver:
    resolver = dns.asyncresolver.Resolver(configure=not servers)
    if servers:
        resolver.nameservers = [dns.nameserver.Do53Nameserver(*name_server(server)) for server in servers]
    resolver.lifetime = timeout
    return resolver


def _failures(error: dns.resolver.NoNameservers) -> str:
    """Return what each name server said instead of an answer."""
    errors: list[tuple[Any, ...]] = error.kwargs.get("errors", [])
    said = [f"{server} answered {failure}" for server, _, _, failure, _ in errors]
    return ", ".join(dict.fromkeys(said)) or "no name server is known"


def _texts(found: list[Any], kind: Kind) -> tuple[str, ...]:
    if kind == "TXT":
        return tuple(b"".join(each.strings).decode("utf-8", "replace") for each in found)
    if kind == "MX":
        ordered = sorted(found, key=lambda each: (each.preference, each.exchange))
        return tuple(each.exchange.to_text(omit_final_dot=True) for each in ordered)
    if kind in ("A", "AAAA"):
        return tuple(str(ipaddress.ip_address(each.address)) for each in found)
    return tuple(each.target.to_text(omit_final_dot=True) for each in found)
