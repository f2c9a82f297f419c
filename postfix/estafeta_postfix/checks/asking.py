"""DNS as checks ask it: all questions at once, in one time limit; what no server can tell is told once."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from estafeta_core.config.schema import Config
from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.domains import records
from estafeta_postfix.domains.lookup import Answer, Kind, Resolver

LIMIT = 20.0  # seconds for all questions of one check

# Domains for examples and tests, which public DNS never has (RFC 2606, RFC 6761).
_RESERVED = ("example", "invalid", "localhost", "test")

Job = Coroutine[Any, Any, list[Finding]]


class Asking:
    """Asks for the checks; for one event loop."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.resolver = Resolver(config.dns)
        self.unknown: dict[str, str] = {}  # by name, why nobody could tell
        self.reserved: set[str] = set()  # names that were not asked for

    async def ask(self, name: str, kind: Kind) -> Answer:
        """Return the records of a name."""
        if self._is_reserved(name):
            return Answer("unknown")
        return self._noted(name, await self.resolver.ask(name, kind))

    async def addresses(self, name: str) -> Answer:
        """Return the addresses of a name."""
        if self._is_reserved(name):
            return Answer("unknown")
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
        return [(address, helo) for address, helo in dict(found).items() if not records.is_internal(address)]

    def _is_reserved(self, name: str) -> bool:
        """Whether a name is for examples; name servers of `dns.servers` may have it all the same."""
        reserved = not self.config.dns.servers and name.rpartition(".")[2].lower() in _RESERVED
        if reserved:
            self.reserved.add(name)
        return reserved

    def _noted(self, name: str, answer: Answer) -> Answer:
        if answer.status == "unknown":
            self.unknown[name] = answer.reason
        return answer


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
    return [*found, *_reserved(asking.reserved), *_unanswered(asking.unknown), *_late(len(late))]


def _reserved(names: set[str]) -> list[Finding]:
    if not names:
        return []
    reason = f"a name for examples, which DNS never has ({len(names)} such names were not looked up)"
    remedy = "give your own domains in estafeta.yaml and accounts.d before mail leaves for others"
    return [Finding("note", "dns-reserved", min(names), reason, remedy)]


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
