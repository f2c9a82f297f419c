"""Whether DNS says of every sending domain what receivers ask for: SPF, DKIM and DMARC.

SPF is asked of the domain in MAIL FROM. Where that is `bounce_domain`, a sending domain needs no record of
its own, but one that cannot be read counts against it all the same.
"""

from collections.abc import Iterator

from estafeta_core.addresses import domain_of
from estafeta_core.config.accounts import Account, Domain
from estafeta_core.rules.dkim_key import defaults
from estafeta_milter.dkim.keys import KeyFileError
from estafeta_postfix import dkim_keys
from estafeta_postfix.checks.asking import Asking, Job, answered
from estafeta_postfix.checks.finding import Finding, Severity
from estafeta_postfix.checks.setup import Setup
from estafeta_postfix.dkim_keys import Configured, zone_line
from estafeta_postfix.domains import dmarc, spf
from estafeta_postfix.domains.lookup import Answer
from estafeta_postfix.domains.records import dmarc_of, leaves_in, spf_of
from estafeta_postfix.domains.verification import public_half

_BAD: dict[spf.Verdict, Severity] = {
    "fail": "error",
    "permerror": "error",
    "softfail": "warning",
    "neutral": "warning",
}


def look(setup: Setup) -> Iterator[Finding]:
    """Yield what is missing, wrong, or not ours."""
    accounts = [account for _, account in setup.accounts]
    yield from answered(setup.config, lambda asking: _jobs(asking, accounts))


def _jobs(asking: Asking, accounts: list[Account]) -> Iterator[Job]:
    for account in accounts:
        for domain, settings in _domains(account).items():
            yield of_spf(asking, domain, envelope=leaves_in(account, settings))
            yield _of_dmarc(asking, account, domain, settings)
        for key in dkim_keys.of_account(account):
            yield _of_dkim(asking, account, key)


def _domains(account: Account) -> dict[str, Domain]:
    """Return what From may show: domains that may be verified, those of subaccounts and of senders."""
    listed = [name for part in account.subaccounts.values() for name in part.domains]
    listed += [domain for sender in account.senders if (domain := domain_of(sender)) is not None]
    found = {name: Domain(verified=True) for name in listed} | account.domains
    return {name: settings for name, settings in found.items() if settings.verified}


async def of_spf(asking: Asking, domain: str, *, envelope: bool) -> list[Finding]:
    """Return what is wrong with the SPF record of a domain; `envelope`: MAIL FROM is in it."""
    answer = await asking.ask(domain, "TXT")
    if answer.status == "unknown":
        return []
    found = spf.records(answer)
    record = f"publish: {zone_line(domain, _suggested(asking, domain))}"
    if not found:
        severity: Severity = "warning" if envelope else "note"
        asked = (
            "MAIL FROM is in this domain" if envelope else "MAIL FROM is in bounce_domain, which has its own"
        )
        return [Finding(severity, "spf-missing", domain, f"it has no SPF record; {asked}", record)]
    if len(found) > 1:
        reason = f"it has {len(found)} SPF records, so receivers read none (RFC 7208 section 4.5)"
        return [Finding("warning", "spf-many", domain, reason, "merge them into one record")]
    try:
        spf.parse(found[0])
    except spf.SpfError as error:
        reason = f"receivers cannot read its SPF record: {error}"
        return [Finding("warning", "spf-syntax", domain, reason, f"mend it: {found[0]}")]
    return [
        finding
        for address, _ in await asking.outgoing()
        for finding in _of_result(
            asking,
            domain,
            address,
            await spf.Evaluation(asking.resolver, address).of(domain),
            envelope=envelope,
        )
    ]


def _of_result(
    asking: Asking, domain: str, address: str, result: spf.Result, *, envelope: bool
) -> Iterator[Finding]:
    if result.verdict == "temperror":
        asking.unknown[domain] = result.reason
    elif result.verdict == "permerror" and not envelope:
        reason = f"receivers cannot evaluate its SPF record: {result.reason}"
        yield Finding(
            "warning", "spf-syntax", domain, reason, "remove includes that are not needed, mend others"
        )
    elif envelope and result.verdict in _BAD:
        reason = f"SPF says {result.verdict} of mail from {address}: {result.reason}"
        own = domain == asking.config.bounce_domain
        kind = f"ip{6 if ':' in address else 4}:{address}"
        term = kind if own else f"include:{asking.config.bounce_domain}, or {kind},"
        yield Finding(_BAD[result.verdict], "spf-address", domain, reason, f"put {term} into its SPF record")


def _suggested(asking: Asking, domain: str) -> str:
    config = asking.config
    if domain == config.bounce_domain:
        return spf_of(config)
    return f"v=spf1 include:{config.bounce_domain} ~all"


async def _of_dkim(asking: Asking, account: Account, key: Configured) -> list[Finding]:
    """Return what is wrong with the record of a key that signs; one DNS has to verify is told elsewhere."""
    if key.key.verified is not True:
        return []
    try:
        expected = key.read().record()
    except KeyFileError:  # told with the file
        return []
    signs = key.name in defaults(account.domains[key.domain].dkim)
    answer = await asking.ask(key.place, "TXT")
    return list(_of_published(key, expected, answer, severity="error" if signs else "warning"))


def _of_published(key: Configured, expected: str, answer: Answer, *, severity: Severity) -> Iterator[Finding]:
    file, remedy = key.key.file, f"publish: {zone_line(key.place, expected)}"
    if answer.status == "missing":
        reason = f"nobody can verify what {file} signs: {answer.reason}"
        yield Finding(severity, "dkim-missing", key.place, reason, remedy)
    elif answer.status == "found" and public_half(expected) not in map(public_half, answer.records):
        reason = f"it is not the public half of {file}: no signature is valid"
        yield Finding(severity, "dkim-other-key", key.place, reason, remedy)
    elif len(answer.records) > 1:
        reason = (
            f"{len(answer.records)} records stand there, and receivers take any (RFC 6376 section 3.6.2.2)"
        )
        yield Finding("warning", "dkim-many", key.place, reason, "remove the others")


async def _of_dmarc(asking: Asking, account: Account, domain: str, settings: Domain) -> list[Finding]:
    place, found = await _dmarc_record(asking, domain)
    if found is None:
        return []
    if not found:
        reason = "it has no DMARC record, which large receivers ask of those who send much"
        remedy = f"publish: {zone_line(f'_dmarc.{domain}', dmarc_of(domain))}"
        return [Finding("warning", "dmarc-missing", domain, reason, remedy)]
    if len(found) > 1:
        reason = f"{len(found)} DMARC records stand there, so receivers read none (RFC 7489 section 6.6.3)"
        return [Finding("warning", "dmarc-many", f"_dmarc.{place}", reason, "leave one")]
    try:
        policy = dmarc.parse(found[0])
    except dmarc.DmarcError as error:
        reason = f"receivers cannot read its DMARC record: {error}"
        return [Finding("warning", "dmarc-syntax", f"_dmarc.{place}", reason, f"mend it: {found[0]}")]
    here = policy.relaxed_spf and f".{asking.config.bounce_domain}".endswith(f".{place}")
    aligned = here or leaves_in(account, settings) or _is_signed(account, domain, settings)
    return [] if aligned else [_unaligned(domain, policy.of(domain, place))]


def _unaligned(domain: str, policy: dmarc.Policy) -> Finding:
    reason = f"its mail does not pass DMARC (policy {policy}): no key of it signs, and MAIL FROM is elsewhere"
    remedy = f"let a key of it sign: estafeta dkim create --domain {domain} --out FILE"
    return Finding("note" if policy == "none" else "error", "dmarc-alignment", domain, reason, remedy)


async def _dmarc_record(asking: Asking, domain: str) -> tuple[str, list[str] | None]:
    """Return whose DMARC records hold for a domain, its own or the next parent's, and these.

    None for them where nobody can tell.
    """
    for place in dmarc.places(domain):
        answer = await asking.ask(f"_dmarc.{place}", "TXT")
        if answer.status == "unknown":
            return place, None
        if found := dmarc.records(answer):
            return place, found
    return domain, []


def _is_signed(account: Account, domain: str, settings: Domain) -> bool:
    keys = {key.name: key.key for key in dkim_keys.of_account(account) if key.domain == domain}
    return any(keys[name].verified for name in defaults(settings.dkim) if name in keys)
