"""Whether DNS has verified every domain and DKIM key that waits for it, as the store knows it."""

import contextlib
from collections.abc import Iterator

from estafeta_core.directory import Directory
from estafeta_core.store import StoreUnavailable
from estafeta_core.store.standing_rows import DomainCheck
from estafeta_core.store.store import backend
from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.checks.setup import Setup
from estafeta_postfix.domains.verifier import named
from estafeta_postfix.explain.known import open_known


def look(setup: Setup) -> Iterator[Finding]:
    """Yield those that are not verified, and those whose record is gone."""
    claims = Directory(account for _, account in setup.accounts).claims
    try:
        with contextlib.closing(open_known(setup.config.store)) as store:
            for account, awaited in claims.items():
                known = store.domain_checks(account)
                for claim in awaited:
                    yield from _about(claim.domain, known.get(claim), setup.config.dns.grace_hours)
    except StoreUnavailable as error:
        remedy = "mend the store; what DNS has verified is not known"
        yield Finding("error", "domain-unknown", backend(setup.config.store).name, str(error), remedy)


def _about(domain: str, check: DomainCheck | None, grace_hours: float) -> Iterator[Finding]:
    remedy = f"publish the record that `estafeta domain verify {domain}` prints"
    if check is None or check.state == "unverified":
        seen = f" ({check.answer})" if check is not None and check.answer else ""
        what = named(check) if check is not None else domain
        yield Finding("warning", "domain-unverified", what, f"not verified by DNS yet{seen}", remedy)
    elif check.state == "lost":
        reason = f"not verified any more, its record is gone ({check.answer})"
        yield Finding("error", "domain-lost", named(check), reason, remedy)
    elif check.missing is not None:
        reason = f"its record is gone ({check.answer}); {grace_hours:g} hours after that it may not be used"
        yield Finding("warning", "domain-record-gone", named(check), reason, remedy)
