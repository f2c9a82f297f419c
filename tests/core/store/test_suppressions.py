"""Suppression lists, looked up and read from end to end."""

from typing import Any

import pytest

from estafeta_core.store import Store
from estafeta_core.store.event_filter import pattern
from estafeta_core.store.rows import Renewal, Suppression
from estafeta_core.store.suppressions import Entries, place

ROWS = [
    Suppression("acme", None, "a@x.example", "transactional", "Bounce Rule", "550 No such user", 10),
    Suppression("acme", None, "a@x.example", "non_transactional", "Bounce Rule", "550 No such user", 10),
    Suppression("acme", None, "b@y.example", "open_tracking", "Tracking Consent Revoked", "", 20),
    Suppression("acme", "123", "c@y.example", "transactional", "Manually Added", "100% sure", 30),
    Suppression("other", None, "d@y.example", "transactional", "Manually Added", "", 40),
]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, "a a b c"),
        ({"subaccounts": ("",)}, "a a b"),
        ({"subaccounts": ("123",)}, "c"),
        ({"subaccounts": ()}, ""),
        ({"types": ("transactional",)}, "a c"),
        ({"sources": ("Manually Added", "Tracking Consent Revoked")}, "b c"),
        ({"domains": (pattern("y.example"),)}, "b c"),
        ({"domains": (pattern("x.*"),)}, "a a"),
        ({"description": "%no such%"}, "a a"),
        ({"description": f"%{pattern('100%')}%"}, "c"),
        ({"since": 20}, "b c"),
        ({"until": 20}, "a a"),
    ],
)
def test_entries_are_chosen(store: Store, chosen: dict[str, Any], expected: str) -> None:
    store.record(ROWS)
    entries = Entries("acme", **chosen)
    found = store.suppressions(entries, limit=10)
    assert [each.recipient[0] for each in found] == expected.split()
    assert store.suppressions(entries, limit=10, newest_first=True) == found[::-1]
    assert store.count_suppressions(entries, limit=10) == len(found)


def test_pages_meet_and_what_is_renewed_meanwhile_is_not_missed(store: Store) -> None:
    store.record(ROWS)
    seen = []
    after = None
    while page := store.suppressions(Entries("acme"), limit=1, after=after):
        seen += page
        after = place(page[-1])
        if len(seen) == 2:
            store.record([Renewal(Suppression("acme", "123", "c@y.example", "transactional", "", "", 50))])
    assert [each.recipient[0] for each in seen] == ["a", "a", "b", "c"]
    assert (seen[-1].created, seen[-1].updated) == (30, 50)


def test_a_recipient_is_found_however_the_address_is_spelled(store: Store) -> None:
    store.record(ROWS)
    found = store.suppressions_of("acme", ["", "123"], "A@X.Example", ["transactional", "open_tracking"])
    assert [(each.recipient, each.type) for each in found] == [("a@x.example", "transactional")]
    assert store.suppressions_of("acme", ["123"], "a@x.example", ["transactional"]) == []
    assert store.suppressions_of("other", [""], "a@x.example", ["transactional"]) == []


def test_sources_are_counted_in_the_lists_that_are_named(store: Store) -> None:
    store.record(ROWS)
    assert store.suppression_sources("acme", [""]) == {"Bounce Rule": 2, "Tracking Consent Revoked": 1}
    assert store.suppression_sources("acme", ["", "123"])["Manually Added"] == 1
    assert store.suppression_sources("nobody", [""]) == {}
