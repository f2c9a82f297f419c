"""Rows of accounts that the store keeps (`directory: store`)."""

from collections.abc import Iterable
from dataclasses import dataclass

from estafeta_core.identity import Entry


@dataclass(frozen=True, slots=True)
class AccountsChanged:
    """That accounts written in the same transaction are a change that readers have not seen."""


@dataclass(frozen=True, slots=True)
class EntriesCleared:
    """That an account has no entries but those written after this."""

    account: str


@dataclass(frozen=True, slots=True)
class AccountText:
    """The text of an account, and what it says as JSON; both None: it is removed.

    It is refused, and all that is written with it, where the account's last change is another than `before`.
    """

    account: str
    before: int  # the account's change when it was read; 0: it was not there
    text: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """An entry of an account; refused where another account has it."""

    account: str
    entry: Entry


AccountRow = AccountsChanged | EntriesCleared | AccountText | AccountEntry


def put(text: AccountText, entries: Iterable[Entry]) -> list[AccountRow]:
    """Return the rows that write an account; `AccountsChanged` belongs with them."""
    return [
        EntriesCleared(text.account),
        text,
        *(AccountEntry(text.account, entry) for entry in entries),
    ]
