"""What DNS has said is kept for each account, and no answer overwrites a later one."""

from dataclasses import replace

from estafeta_core.claims import Claim
from estafeta_core.store import Store
from estafeta_core.store.standing_rows import DomainAwaited, DomainCheck, DomainChecked

CLAIM = Claim("acme", "new.example")


def awaited(store: Store, claim: Claim = CLAIM, due: int = 10) -> DomainCheck:
    store.record([DomainAwaited(*claim, f"challenge of {claim.account}", 1, due)])
    return store.domain_checks(claim.account)[claim]


def test_a_domain_has_a_challenge_for_each_account_that_stays(store: Store) -> None:
    first = awaited(store)
    assert first == DomainCheck(*CLAIM, "challenge of acme", "unverified", 1, None, None, "", 10)
    store.record([DomainAwaited(*CLAIM, "another one", 2, 2)])
    assert awaited(store, Claim("other", "new.example")).challenge == "challenge of other"
    assert store.domain_checks("acme") == {CLAIM: first}


def test_those_that_are_due_come_in_the_order_of_their_time(store: Store) -> None:
    for number, due in enumerate((30, 10, 20, 40)):
        awaited(store, Claim("acme", f"{number}.example"), due)
    assert [check.due for check in store.due_domain_checks(30, 2)] == [10, 20]
    assert [check.due for check in store.due_domain_checks(9, 2)] == []


def test_an_answer_to_an_older_question_changes_nothing(store: Store) -> None:
    before = awaited(store)
    verified = replace(before, state="verified", checked=5, since=5, answer="there")
    store.record([DomainChecked(before, verified)])
    store.record([DomainChecked(before, replace(before, checked=4, answer="not there"))])
    assert store.domain_checks("acme")[CLAIM] == verified


def test_the_number_of_changes_rises_with_each_state_and_with_nothing_else(store: Store) -> None:
    check = awaited(store)
    numbers = [store.domain_change()]
    for checked, state in enumerate(("unverified", "verified", "verified", "lost", "verified"), 1):
        after = replace(check, state=state, checked=checked)  # type: ignore[arg-type]
        store.record([DomainChecked(check, after)])
        check = after
        numbers.append(store.domain_change())
    assert numbers == [0, 0, 1, 1, 2, 3]
