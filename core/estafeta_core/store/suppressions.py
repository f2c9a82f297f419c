"""An account's suppression lists: looked up, listed, counted.

A list belongs to a subaccount or, under "", to the account itself. It is read from the entry written longest
ago: one that is renewed meanwhile moves ahead of the reader, who may see it again and never misses it.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from estafeta_core.addresses import mailbox_key
from estafeta_core.store.activity import PATIENCE
from estafeta_core.store.reader import LATEST, Reader
from estafeta_core.store.rows import Suppression
from estafeta_core.store.statements import Values

Place = tuple[int, str, str, str]  # updated, subaccount, recipient, type: where a listing goes on


@dataclass(frozen=True, slots=True)
class Entries:
    """Which entries of an account; None asks for everything."""

    account: str
    subaccounts: tuple[str, ...] | None = None  # "" is the account's own list
    types: tuple[str, ...] | None = None
    sources: tuple[str, ...] | None = None
    domains: tuple[str, ...] | None = None  # patterns of event_filter.pattern
    description: str | None = None  # a pattern
    since: int = 0  # by the time of the last writing
    until: int = LATEST


class Suppressions(Reader):
    """Questions about suppression lists; see the module's page."""

    def suppressions_of(
        self, account: str, subaccounts: Iterable[str], recipient: str, types: Iterable[str]
    ) -> list[Suppression]:
        """Return what these lists have of a recipient, however the address is spelled."""
        rows = self.query(
            "suppressions_of",
            account,
            json.dumps(list(subaccounts)),
            mailbox_key(recipient),
            json.dumps(list(types)),
        )
        return [_suppression(row) for row in rows]

    def suppressions(
        self,
        entries: Entries,
        *,
        limit: int,
        after: Place | None = None,
        newest_first: bool = False,
        patience: float = PATIENCE,
    ) -> list[Suppression]:
        """Return entries in the order in which they were last written; `after` is the last one seen."""
        name = "suppressions_newest" if newest_first else "suppressions"
        start = after or ((LATEST, "", "", "") if newest_first else (-1, "", "", ""))
        rows = self.query(name, *_values(entries), limit, *start, patience=patience)
        return [_suppression(row) for row in rows]

    def count_suppressions(self, entries: Entries, *, limit: int) -> int:
        """Return how many entries there are, counted up to `limit`."""
        return int(self.query("count_suppressions", *_values(entries), limit, patience=PATIENCE)[0][0])

    def suppression_sources(self, account: str, subaccounts: Iterable[str]) -> dict[str, int]:
        """Return how many entries these lists have of each source."""
        lists = json.dumps(list(subaccounts))
        return dict(self.query("suppression_sources", account, lists, patience=PATIENCE))


def place(entry: Suppression) -> Place:
    """Return where a listing goes on after this entry."""
    return entry.updated, entry.subaccount or "", entry.recipient, entry.type


def _values(entries: Entries) -> list[str | int | None]:
    lists = (entries.subaccounts, entries.types, entries.sources, entries.domains)
    arrays = [None if values is None else json.dumps(values) for values in lists]
    return [entries.account, entries.since, entries.until, *arrays, entries.description]


def _suppression(row: Values) -> Suppression:
    account, subaccount, *others = row
    return Suppression(account, subaccount or None, *others)
