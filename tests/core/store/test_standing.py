"""What is in force, in one answer."""

from dataclasses import replace

from estafeta_core.claims import Claim
from estafeta_core.directory import Standing
from estafeta_core.store import Store
from estafeta_core.store.standing_rows import DomainAwaited, DomainChecked, Suspension

STATES = {"a.example": "verified", "b.example": "lost", "c.example": "unverified"}


def test_credentials_and_domains_are_told_together(store: Store) -> None:
    assert store.standing() == Standing(verified=frozenset())
    for domain, state in STATES.items():
        store.record([DomainAwaited("acme", domain, "", "x", 1, 1)])
        check = store.domain_checks("acme")[Claim("acme", domain)]
        store.record([DomainChecked(check, replace(check, state=state, checked=2))])  # type: ignore[arg-type]
    store.record([Suspension("acme", "main", 1, None, "bounce_rate", 40, 0, 9)])
    assert store.standing() == Standing(
        frozenset({"acme/main"}),
        frozenset({Claim("acme", "a.example")}),
        frozenset({Claim("acme", "b.example")}),
    )
