"""Whether DNS says of this host what receivers and recipients ask for.

Links have to lead to the web service, bounces to this host, and each address that mail leaves from needs a
name that leads back to it; so does the one that it says in EHLO.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from estafeta_core.config.schema import Config
from estafeta_postfix.checks.asking import Asking, Job, answered
from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.checks.sender_records import of_spf
from estafeta_postfix.checks.setup import Setup


def look(setup: Setup) -> Iterator[Finding]:
    """Yield what is missing, or leads elsewhere."""
    bouncing = [
        domain
        for _, account in setup.accounts
        for domain, settings in account.domains.items()
        if settings.bounce and settings.verified
    ]
    domains = dict.fromkeys([setup.config.bounce_domain, *bouncing])
    yield from answered(setup.config, lambda asking: _jobs(asking, setup.config, list(domains)))


def _jobs(asking: Asking, config: Config, domains: list[str]) -> Iterator[Job]:
    urls = {"base_url": config.base_url, "hosting.base_url": config.hosting.base_url}
    for key, url in urls.items():
        host = urlsplit(url).hostname or ""
        if "." in host and not host.rpartition(".")[2].isdecimal():
            yield _of_web(asking, key, host)
    for domain in domains:
        yield _of_bounces(asking, domain)
    yield of_spf(asking, config.bounce_domain, envelope=True)
    yield _of_addresses(asking)


async def _of_web(asking: Asking, key: str, host: str) -> list[Finding]:
    answer = await asking.addresses(host)
    if answer.status != "missing":
        return []
    record = f"{host}. IN CNAME {asking.config.hostname}."
    if host == asking.config.hostname:
        record = f"{host}. IN A ADDRESS, with the address of this host"
    reason = f"{key}: links, pixels and unsubscribes in mail lead nowhere: {answer.reason}"
    return [Finding("error", "web-missing", host, reason, f"publish: {record}")]


async def _of_bounces(asking: Asking, domain: str) -> list[Finding]:
    """Return whether mail for a domain comes here (RFC 5321 section 5.1)."""
    hostname = asking.config.hostname
    remedy = f"publish: {domain}. IN MX 10 {hostname}."
    answer = await asking.ask(domain, "MX")
    hosts = answer.records if answer.status == "found" else (domain,)
    if answer.status == "unknown" or hostname in hosts:
        return []
    leads = [await asking.addresses(host) for host in hosts if host != "."]  # RFC 7505
    if any(each.status == "unknown" for each in leads):
        return []
    there = {address for each in leads for address in each.records}
    if not there:
        reason = "bounces, complaints and unsubscribes by mail are lost: no MX or address leads anywhere"
        return [Finding("error", "bounce-missing", domain, reason, remedy)]
    own = await asking.own()
    if not own or there & set(own):
        return []
    reason = f"its mail goes to {', '.join(hosts)}, which is not this host ({hostname})"
    return [
        Finding("warning", "bounce-elsewhere", domain, reason, f"{remedy} Or let that host pass it on here.")
    ]


async def _of_addresses(asking: Asking) -> list[Finding]:
    found: list[Finding] = []
    there = await asking.addresses(asking.config.hostname)
    if there.status == "missing":
        reason = f"hosts refuse mail from a name that is not in DNS: {there.reason}"
        remedy = f"publish: {asking.config.hostname}. IN A ADDRESS, with the address of this host"
        found.append(Finding("error", "hostname-missing", asking.config.hostname, reason, remedy))
    for address, helo in await asking.outgoing():
        found += await _of_address(asking, address, helo)
    return found


async def _of_address(asking: Asking, address: str, helo: str) -> list[Finding]:
    """Return whether an address has a name that leads back to it, and the one it says in EHLO does so too."""
    remedy = f"have whoever gave you the address publish: {address} PTR {helo}."
    answer = await asking.names(address)
    if answer.status == "unknown":
        return []
    if answer.status == "missing":
        reason = f"it has no name, and many hosts refuse mail from such: {answer.reason}"
        return [Finding("error", "ptr-missing", address, reason, remedy)]
    back = {name: await asking.addresses(name) for name in dict.fromkeys([*answer.records, helo])}
    if any(each.status == "unknown" for each in back.values()):
        return []
    found: list[Finding] = []
    if not any(address in back[name].records for name in answer.records):
        reason = (
            f"its name {', '.join(answer.records)} does not lead back to it, so receivers do not believe it"
        )
        found.append(Finding("warning", "ptr-unconfirmed", address, reason, remedy))
    if address not in back[helo].records:
        kind = "AAAA" if ":" in address else "A"
        reason = f"it says {helo} in EHLO, which does not lead back to {address}"
        found.append(
            Finding("warning", "helo-elsewhere", address, reason, f"publish: {helo}. IN {kind} {address}")
        )
    return found
