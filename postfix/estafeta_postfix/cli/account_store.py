"""Accounts in the store (`directory: store`): changed one by one, or many together.

What is written is checked first as the daemons check it; then all of it is there, or nothing. Two who change
the same account, or give two accounts the same user name, hinder each other: the second writes nothing.

Raises ConfigError for texts that cannot be used, and Failure with status 2 for what cannot be done.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec

from estafeta_core.config.account_checks import Unique, entries
from estafeta_core.config.document import AccountsAwayError, ConfigError, Document, KeyPath
from estafeta_core.config.load import SQLITE, load_directory
from estafeta_core.config.normal import normal_account
from estafeta_core.config.schema import Config
from estafeta_core.config.stored import away, place
from estafeta_core.directory import Directory
from estafeta_core.identity import Entry
from estafeta_core.store import RowsRefused, Store, StoreUnavailable
from estafeta_core.store.account_rows import AccountRow, AccountsChanged, AccountText, put
from estafeta_core.store.store import backend
from estafeta_postfix.cli.failure import Failure

PATIENCE = 900.0  # seconds for 100,000 accounts to be written, on a slow disk
TOGETHER = 1000  # accounts or entries that the store is asked about at a time


class Draft:
    """The text of an account while it is changed; None: there is none, or it is to be removed."""

    def __init__(self, text: bytes | None) -> None:
        self.text = text


@dataclass(frozen=True, slots=True)
class Written:
    """What became of accounts that were to be written."""

    new: int
    changed: int
    unchanged: int


class _Taken(NamedTuple):
    path: Path
    text: bytes
    value: bytes
    entries: tuple[tuple[KeyPath, Entry], ...]


class Batch:
    """Accounts that are to be written together."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._unique = Unique()
        self._taken: dict[str, _Taken] = {}

    def add(self, path: Path, text: bytes) -> None:
        """Take the account that a text describes; `path` says where it is from. ConfigError."""
        document = Document(path, text, self._config.accounts_dir)
        account = normal_account(document, self._unique, self._config.ip_pools)
        value = msgspec.json.encode(document.value)
        self._taken[account.account] = _Taken(path, text, value, tuple(entries(account)))

    def write(self, store: Store, *, before: dict[str, int] | None = None, dry: bool = False) -> Written:
        """Write those that are new or changed, or only say how many those are. ConfigError, StoreUnavailable.

        `before` gives the changes that the texts were made from; None: those that are there now.
        """
        self._check(store)
        known = _known(store, self._taken)
        rows: list[AccountRow] = [AccountsChanged()]
        new = changed = 0
        for name, taken in self._taken.items():
            change, digest = known.get(name, (0, None))
            if digest == _digest(taken.text):
                continue
            new += digest is None
            changed += digest is not None
            seen = change if before is None else before[name]
            text = AccountText(name, seen, taken.text, taken.value)
            rows += put(text, (entry for _, entry in taken.entries))
        if not dry and new + changed:
            record(store, rows)
        return Written(new, changed, len(self._taken) - new - changed)

    def _check(self, store: Store) -> None:
        """Hold keys and user names to what accounts of the store have that are not written now."""
        wanted = [(name, *each) for name, taken in self._taken.items() for each in taken.entries]
        for begin in range(0, len(wanted), TOGETHER):
            some = wanted[begin : begin + TOGETHER]
            holders = store.holders(entry for _, _, entry in some)
            for name, key_path, entry in some:
                holder = holders.get(entry, name)
                if holder not in self._taken:
                    what = "this key" if entry.kind == "key" else f"the user name {entry.text}"
                    taken = self._taken[name]
                    document = Document(taken.path, taken.text)
                    raise document.error(key_path, f"{what} is already in {place(holder)}")


def _known(store: Store, names: Iterable[str]) -> dict[str, tuple[int, bytes | None]]:
    """Return the change and a digest of the text of each of these accounts, None for one that is removed."""
    wanted = set(names)
    if len(wanted) > TOGETHER:
        found = (each for each in store.account_texts() if each.account in wanted)
    else:
        asked = map(store.account_text, wanted)
        found = (each for each in asked if each is not None)
    return {
        each.account: (each.change, _digest(each.text) if each.text is not None else None) for each in found
    }


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()


def record(store: Store, rows: list[AccountRow]) -> None:
    """Write rows together; Failure where somebody else was quicker."""
    try:
        store.record(rows, PATIENCE)
    except RowsRefused:
        raise Failure(
            "somebody else has changed the same accounts in this moment: nothing was written, do it again", 2
        ) from None


@contextlib.contextmanager
def writable(config: Config) -> Iterator[Store]:
    """Open the store, which is made where there is none; Failure when it does not answer."""
    there = backend(config.store, config.store_timeout)
    try:
        made = there.made()
        there.prepare()
        if not made:
            hand_over(config.store)
        with contextlib.closing(Store(there)) as store:
            yield store
    except StoreUnavailable as error:
        raise Failure(f"{there.name}: {error}; nothing was written", 2) from None


def hand_over(url: str) -> None:
    """Give the files of a new store that root has made to whom their folder belongs: to the daemons."""
    if os.geteuid() != 0 or not url.startswith(SQLITE):
        return
    path = Path(url.removeprefix(SQLITE))
    owner = path.parent.stat()
    for each in path.parent.glob(f"{path.name}*"):
        os.chown(each, owner.st_uid, owner.st_gid)


class Stored:
    """See account_files.Keeping."""

    def __init__(self, config: Config) -> None:
        self._config = config

    @property
    def where(self) -> str:
        """Its one name, whichever store it is."""
        return "the store"

    def directory(self) -> Directory:
        """Read all of them."""
        return Directory(load_directory(self._config))

    def around(self, account: str) -> Directory:
        """Read the one of this name."""
        there = backend(self._config.store, self._config.store_timeout)
        try:
            if not there.made():
                return Directory()
            with contextlib.closing(Store(there)) as store:
                kept = store.account_text(account)
        except StoreUnavailable as error:
            raise AccountsAwayError(away(error)) from None
        if kept is None or kept.text is None:
            return Directory()
        document = Document(place(account), kept.text, self._config.accounts_dir)
        return Directory([normal_account(document, Unique(), self._config.ip_pools)])

    def place(self, account: str) -> str:
        """Return how messages name it."""
        return str(place(account))

    @contextlib.contextmanager
    def held(self, account: str, *, new: bool = False) -> Iterator[Draft]:
        """Read it, and write it unless somebody else has changed it meanwhile."""
        with writable(self._config) as store:
            kept = store.account_text(account)
            draft = Draft(kept.text if kept else None)
            if new and draft.text is not None:
                raise Failure(f"{place(account)} is there already", 2)
            if not new and draft.text is None:
                raise ConfigError(f"{place(account)}: there is no such account")
            yield draft
            change = kept.change if kept else 0
            if draft.text is None:
                removed = AccountText(account, change, None, None)
                record(store, [AccountsChanged(), *put(removed, ())])
                return
            batch = Batch(self._config)
            batch.add(place(account), draft.text)
            batch.write(store, before={account: change})
