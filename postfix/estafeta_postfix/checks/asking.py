"""DNS as checks ask it: all questions at once, in one time limit; what no server can tell is told once."""

import asyncio
import ipaddress
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from estafeta_core.config.schema import Config
from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.domains import records
from estafeta_postfix.domains.lookup import Answer, Kind, Resolver

LIMIT = 20.0  # seconds for all questions of one check

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

Job = Coroutine[Any, Any, list[Finding]]


class Asking:
    """Asks for the checks; for one event loop."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.resolver = Resolver(config.dns)
        self.unknown: dict[str, str] = {}  # by name, why nobody could tell

    async def ask(self, name: str, kind: Kind) -> Answer:
        """Return the records of a name."""
        return self._noted(name, await self.resolver.ask(name, kind))

    async def addresses(self, name: str) -> Answer:
        """Return the addresses of a name."""
        return self._noted(name, await self.resolver.addresses(name))

    async def names(self, address: str) -> Answer:
        """Return the names of an address."""
        return self._noted(address, await self.resolver.names(address))

    async def own(self) -> list[str]:
        """Return the addresses that this host is reached at, as DNS and the pools say."""
        there = await self.addresses(self.config.hostname)
        return list(dict.fromkeys([*there.records, *(each for each, _ in records.addresses_of(self.config))]))

    async def outgoing(self) -> list[tuple[str, str]]:
        """Return each address that others see mail come from, with the name it says in EHLO.

        Those of the pools, and for Postfix's own way out those of `hostname`.
        """
        there = await self.addresses(self.config.hostname)
        found = [
            *records.addresses_of(self.config),
            *((each, self.config.hostname) for each in there.records),
        ]
        return [(address, helo) for address, helo in dict(found).items() if not is_internal(address)]

    def _noted(self, name: str, answer: Answer) -> Answer:
        if answer.status == "unknown":
            self.unknown[name] = answer.reason
        return answer


def is_internal(address: str) -> bool:
    """Whether nobody outside sees an address."""
    parsed = ipaddress.ip_address(address)
    return any(parsed in network for network in _INTERNAL)


def answered(config: Config, jobs: Callable[[Asking], Iterable[Job]]) -> list[Finding]:
    """Return what the jobs find, in their order, and which names nobody could tell of."""
    return asyncio.run(_answered(config, jobs))


async def _answered(config: Config, jobs: Callable[[Asking], Iterable[Job]]) -> list[Finding]:
    asking = Asking(config)
    tasks = [asyncio.create_task(job) for job in jobs(asking)]
    late = set[asyncio.Task[list[Finding]]]()
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=LIMIT)
    for task in late:
        task.cancel()
    found = [finding for task in tasks if task not in late for finding in task.result()]
    return [*found, *_unanswered(asking.unknown), *_late(len(late))]


def _unanswered(unknown: dict[str, str]) -> list[Finding]:
    if not unknown:
        return []
    first, reason = next(iter(unknown.items()))
    return [
        Finding(
            "warning",
            "dns-unknown",
            first,
            f"{reason} ({len(unknown)} names could not be looked up)",
            "see that the name servers of /etc/resolv.conf, or of dns.servers, answer; then check again",
        )
    ]


def _late(count: int) -> list[Finding]:
    if not count:
        return []
    reason = f"{count} questions were not answered within {LIMIT:g} s"
    return [Finding("warning", "dns-late", "DNS", reason, "see that the name servers answer faster")]
