"""SPF (RFC 7208): whether a record is sound, and whether it lets an address send.

What only a message decides (macros, `exists`, `ptr`) is `undecided`; all else is evaluated as receivers do
it, within their limits of 10 look-ups and 2 that find nothing. pyspf, the library of this field, asks the
system's name servers alone, one question after the other; here all go through `Resolver`.
"""

import ipaddress
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from estafeta_postfix.domains.lookup import Answer, Resolver

LOOKUPS = 10  # RFC 7208 section 4.6.4, as the next
VOID_LOOKUPS = 2
MX_HOSTS = 10

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Verdict = Literal["pass", "fail", "softfail", "neutral", "none", "permerror", "temperror", "undecided"]

_QUALIFIERS: dict[str, Verdict] = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
_TERM = re.compile(
    r"(?P<qualifier>[-+~?]?)(?P<name>[A-Za-z][A-Za-z0-9._-]*)"
    r"(?:(?P<sign>[:=])(?P<value>[^/\s]*(?:/[^0-9\s][^/\s]*)*))?(?P<lengths>(?:/\d{1,3})?(?://\d{1,3})?)"
)
_NETWORK = re.compile(r"(?P<qualifier>[-+~?]?)(?P<name>ip[46]):(?P<value>\S+)", re.IGNORECASE)
_MODIFIERS = ("redirect", "exp")


class SpfError(Exception):
    """A record is no SPF record that receivers can read; the text says why."""


@dataclass(frozen=True, slots=True)
class Term:
    """One mechanism, or the modifier `redirect`."""

    name: str
    verdict: Verdict  # where it matches
    value: str = ""  # a domain, or ""
    network: Network | None = None  # of ip4 and ip6
    lengths: tuple[int, int] = (32, 128)  # of `a` and `mx`


@dataclass(frozen=True, slots=True)
class Result:
    """What SPF says of an address, and why."""

    verdict: Verdict
    reason: str


def records(answer: Answer) -> list[str]:
    """Return the SPF records among the TXT records of a name; sound is exactly one."""
    return [text for text in answer.records if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")]


def parse(record: str) -> list[Term]:
    """Return the terms of a record, `redirect` last; SpfError where one cannot be read."""
    terms: list[Term] = []
    modifiers: dict[str, str] = {}
    for word in record.split()[1:]:
        term = _parsed(word)
        if term.name in _MODIFIERS:
            if term.name in modifiers:
                raise SpfError(f"{term.name}= stands there twice")
            modifiers[term.name] = term.value
        elif term.name:
            terms.append(term)
    if "redirect" in modifiers and not any(term.name == "all" for term in terms):
        terms.append(Term("redirect", "neutral", modifiers["redirect"]))
    return terms


def _parsed(word: str) -> Term:
    """Return a term; an unknown modifier, which readers skip, has no name."""
    network = _NETWORK.fullmatch(word)
    if network:
        return _network(word, network["qualifier"], network["name"].lower(), network["value"])
    found = _TERM.fullmatch(word)
    if found is None:
        raise SpfError(f"{word!r} is no term of SPF")
    name, value = found["name"].lower(), found["value"] or ""
    if found["sign"] == "=":
        if name in _MODIFIERS and not value:
            raise SpfError(f"{word!r} names no domain")
        return Term(name if name in _MODIFIERS else "", "neutral", value)
    verdict = _QUALIFIERS[found["qualifier"] or "+"]
    if name in ("include", "exists") and not value:
        raise SpfError(f"{word!r} names no domain")
    if name == "all" and (value or found["lengths"]):
        raise SpfError(f"{word!r}: nothing follows all")
    if name not in ("all", "a", "mx", "ptr", "include", "exists"):
        raise SpfError(f"{word!r} is no mechanism of SPF")
    if found["lengths"] and name not in ("a", "mx"):
        raise SpfError(f"{word!r}: only a and mx have a length")
    return Term(name, verdict, value, lengths=_lengths(word, found["lengths"]))


def _network(word: str, qualifier: str, name: str, value: str) -> Term:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise SpfError(f"{word!r} names no network") from None
    if network.version != int(name[2]):
        raise SpfError(f"{word!r} is not IPv{name[2]}")
    return Term(name, _QUALIFIERS[qualifier or "+"], network=network)


def _lengths(word: str, text: str) -> tuple[int, int]:
    four, _, six = text.partition("//")
    lengths = int(four.strip("/") or 32), int(six or 128)
    if lengths[0] > 32 or lengths[1] > 128:
        raise SpfError(f"{word!r}: no address is as long")
    return lengths


class _End(Exception):  # noqa: N818 - it is an outcome, and no receiver gets further
    def __init__(self, verdict: Verdict, reason: str) -> None:
        super().__init__(reason)
        self.result = Result(verdict, reason)


class Evaluation:
    """One address held against the record of a domain."""

    def __init__(self, resolver: Resolver, address: str) -> None:
        self._resolver = resolver
        self._address: Address = ipaddress.ip_address(address)
        self._lookups = 0
        self._void = 0
        self._matches: dict[str, Callable[[Term, str], Awaitable[bool]]] = {
            "a": self._a,
            "mx": self._mx,
            "include": self._include,
        }

    async def of(self, domain: str) -> Result:
        """Return what the record of `domain` says."""
        try:
            return await self._of(domain)
        except _End as end:
            return end.result

    async def _of(self, domain: str) -> Result:
        answer = await self._resolver.ask(domain, "TXT")
        if answer.status == "unknown":
            raise _End("temperror", f"{domain}: {answer.reason}")
        found = records(answer)
        if not found:
            return Result("none", f"{domain} has no SPF record")
        if len(found) > 1:
            raise _End("permerror", f"{domain} has {len(found)} SPF records, and may have one")
        try:
            terms = parse(found[0])
        except SpfError as error:
            raise _End("permerror", f"{domain}: {error}") from None
        for term in terms:
            if term.name == "redirect":
                return await self._redirected(term)
            if await self._match(term, domain):
                return Result(term.verdict, f"{domain}: {_word(term)} matches")
        return Result("neutral", f"{domain}: nothing in the record matches")

    async def _match(self, term: Term, domain: str) -> bool:
        if term.name == "all":
            return True
        if term.network is not None:
            return self._address in term.network
        self._count(domain)
        if "%" in term.value or term.name in ("exists", "ptr"):
            raise _End("undecided", f"{domain}: {_word(term)} depends on the message")
        return await self._matches[term.name](term, domain)

    async def _redirected(self, term: Term) -> Result:
        self._count(term.value)
        if "%" in term.value:
            raise _End("undecided", f"redirect={term.value} depends on the message")
        result = await self._of(term.value)
        if result.verdict == "none":
            raise _End("permerror", f"redirect={term.value}: {result.reason}")
        return result

    async def _include(self, term: Term, domain: str) -> bool:
        result = await self._of(term.value)
        if result.verdict == "none":
            raise _End("permerror", f"{domain}: include:{term.value}: {result.reason}")
        return result.verdict == "pass"

    async def _a(self, term: Term, domain: str) -> bool:
        return await self._leads_to(term.value or domain, term.lengths)

    async def _mx(self, term: Term, domain: str) -> bool:
        answer = await self._asked(term.value or domain, "MX")
        if len(answer.records) > MX_HOSTS:
            raise _End("permerror", f"{domain}: {_word(term)} has more than {MX_HOSTS} hosts")
        for host in answer.records:
            if await self._leads_to(host, term.lengths):
                return True
        return False

    async def _leads_to(self, host: str, lengths: tuple[int, int]) -> bool:
        six = self._address.version == 6
        answer = await self._asked(host, "AAAA" if six else "A")
        return any(
            self._address in ipaddress.ip_network(f"{found}/{lengths[six]}", strict=False)
            for found in answer.records
        )

    async def _asked(self, name: str, kind: Literal["A", "AAAA", "MX"]) -> Answer:
        answer = await self._resolver.ask(name, kind)
        if answer.status == "unknown":
            raise _End("temperror", f"{name}: {answer.reason}")
        if answer.status == "missing":
            self._void += 1
            if self._void > VOID_LOOKUPS:
                raise _End("permerror", f"more than {VOID_LOOKUPS} look-ups find nothing, {name} the last")
        return answer

    def _count(self, domain: str) -> None:
        self._lookups += 1
        if self._lookups > LOOKUPS:
            raise _End("permerror", f"{domain}: the record needs more than {LOOKUPS} look-ups")


def _word(term: Term) -> str:
    return f"{term.name}:{term.network or term.value}".rstrip(":")
