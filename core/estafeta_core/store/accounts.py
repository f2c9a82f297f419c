"""Accounts that the store keeps: what they say, what has changed, and their texts."""

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from estafeta_core.identity import Entry
from estafeta_core.store.reader import Reader

PAGE = 5000  # accounts that are read at a time, some 3 MB


class Changed(NamedTuple):
    """An account, and what it says since its last change."""

    account: str
    change: int
    value: bytes | None  # JSON; None: it is removed


class KeptText(NamedTuple):
    """The text of an account."""

    account: str
    change: int
    text: bytes | None  # None: it is removed


class Accounts(Reader):
    """The questions of those who need the accounts, and of those who change them."""

    def accounts_change(self) -> int:
        """Return a number that rises with each change of an account."""
        return int(self.query("accounts_change")[0][0])

    def accounts_since(self, change: int) -> Iterator[Changed]:
        """Yield what has changed since, in order; an account that changes meanwhile may come twice.

        When it ends, what was yielded last of each account is how all of them were at one moment.
        """
        last = (change + 1, "")
        while page := [Changed(*row) for row in self.query("accounts_since", *last, PAGE)]:
            yield from page
            if len(page) < PAGE:
                return
            last = (page[-1].change, page[-1].account)

    def account_text(self, account: str) -> KeptText | None:
        """Return the text of an account; None where there never was one."""
        rows = self.query("account_text", account)
        return KeptText(*rows[0]) if rows else None

    def account_texts(self) -> Iterator[KeptText]:
        """Yield every account by its name, also those that are removed."""
        last = ""
        while page := [KeptText(*row) for row in self.query("account_texts", last, PAGE)]:
            yield from page
            last = page[-1].account

    def holders(self, entries: Iterable[Entry]) -> dict[Entry, str]:
        """Return which accounts have these entries; those that nobody has are left out."""
        wanted = json.dumps([entry.text for entry in entries])
        return {Entry(*row[:3]): row[3] for row in self.query("account_entries", wanted)}
