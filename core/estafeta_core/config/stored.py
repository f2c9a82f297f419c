"""Accounts that are in the store: all of them once, and then what has changed.

Of each account the store keeps the text and what it says as JSON. The JSON is read, and held to all that a
file is held to; the text is read only where something has to be said of it. In messages the place of a file
is `store:ACCOUNT`.

Raises StoreUnavailable while the store does not answer, and ConfigError for what no daemon can use. Either
way what was read before stays as it is.
"""

import gc
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from estafeta_core.config.accounts import Account
from estafeta_core.config.document import Document, KeyPath, KnownDocument
from estafeta_core.config.normal import no_collection, normal_account
from estafeta_core.config.schema import Config
from estafeta_core.directory import Directory
from estafeta_core.identity import Entry
from estafeta_core.store import StoreUnavailable
from estafeta_core.store.accounts import Accounts, Changed
from estafeta_core.store.backend import Backend
from estafeta_core.store.store import backend

PATIENCE = 3.0  # seconds for one question; the configuration in force serves meanwhile
PAUSE = 1.0  # seconds without a question after one that failed, so that nobody waits for the next one too
LISTEN_AGAIN = 2.0  # seconds
MANY = 1000  # accounts, from which the garbage collector is kept away from them


def away(error: StoreUnavailable) -> str:
    """Return what to say of accounts that cannot be read."""
    return f"the accounts in the store cannot be read: {error}"


def place(account: str) -> Path:
    """Return how messages name an account's text in the store."""
    return Path(f"store:{account}")


class StoredAccounts:
    """What a process knows of the accounts in the store; one thread at a time reads, any asks `changed`."""

    def __init__(self) -> None:
        self._backend: Backend | None = None
        self._accounts: Accounts | None = None
        self._basis: object = None  # of estafeta.yaml, what was read depends on
        self._change = 0  # the last one that was read, and can be used
        self._seen = 0  # the last one that was read
        self._directory = Directory()
        self._failed = -PAUSE

    def directory(self, config: Config) -> Directory:
        """Return all accounts as they are now."""
        basis = (config.accounts_dir, frozenset(config.ip_pools))
        if basis != self._basis:
            self._directory, self._change, self._basis = Directory(), 0, None
        changed = {each.account: each for each in self._opened(config).accounts_since(self._change)}
        if changed:
            self._seen = max(each.change for each in changed.values())
            self._directory = self._with(changed, config)
            self._change = self._seen
        self._basis = basis
        return self._directory

    def _with(self, changed: dict[str, Changed], config: Config) -> Directory:
        """Return the accounts known so far with what has changed, which is used up."""
        directory = self._directory.copied()
        for name in changed:
            directory.remove(name)
        if len(changed) < MANY:
            self._add(directory, changed, config)
            return directory
        gc.collect()
        with no_collection():
            self._add(directory, changed, config)
        gc.freeze()  # accounts are no part of a cycle: looking through a million objects would find nothing
        return directory

    def _add(self, directory: Directory, changed: dict[str, Changed], config: Config) -> None:
        others = _Others(directory)
        for name in sorted(changed):
            each = changed.pop(name)
            if each.value is not None:
                directory.add(normal_account(self._document(each, config), others, config.ip_pools))

    def read(self, config: Config) -> Iterator[tuple[Document, Account]]:
        """Yield every account with its document, by name."""
        changed = {each.account: each for each in self._opened(config).accounts_since(0)}
        directory = Directory()
        others = _Others(directory)
        for name in sorted(changed):
            each = changed.pop(name)
            if each.value is not None:
                document = self._document(each, config)
                account = normal_account(document, others, config.ip_pools)
                directory.add(account)
                yield document, account

    def _document(self, changed: Changed, config: Config) -> Document:
        def text() -> bytes:
            kept = self._opened(config).account_text(changed.account)
            return (kept.text if kept else None) or b""

        value = msgspec.json.decode(changed.value or b"null")
        return KnownDocument(place(changed.account), config.accounts_dir, value, text)

    def changed(self) -> bool:
        """Return whether there is something that was not read yet; False while nobody can tell."""
        if self._accounts is None or time.monotonic() < self._failed + PAUSE:
            return False
        try:
            return self._accounts.accounts_change() != self._seen
        except StoreUnavailable:  # whoever needs the store for more says so
            self._failed = time.monotonic()
            return False

    def listen(self, heard: Callable[[], None]) -> None:
        """Call `heard`, in a thread of its own, whenever the store says that there may be something new.

        Not every store says it, and none while it is away: one has to look as well.
        """
        if self._backend is not None and self._backend.notices() is not None:
            listener = threading.Thread(
                target=self._listen, args=(self._backend, heard), name="accounts", daemon=True
            )
            listener.start()

    def _listen(self, there: Backend, heard: Callable[[], None]) -> None:
        while True:
            try:
                for _ in there.notices() or ():
                    heard()
            except StoreUnavailable:  # those who look see what comes meanwhile
                time.sleep(LISTEN_AGAIN)

    def close(self) -> None:
        """Close the idle connections."""
        if self._accounts is not None:
            self._accounts.close()

    def _opened(self, config: Config) -> Accounts:
        """Return the store that the process was started with."""
        if self._accounts is None:
            there = backend(config.store, min(PATIENCE, config.store_timeout))
            if not there.made():
                raise StoreUnavailable(f"there is none yet at {there.name} (estafeta import makes it)")
            self._backend, self._accounts = there, Accounts(there)
        return self._accounts


class _Others:
    """The accounts that are known, of which none may have what another one has."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def add(self, document: Document, key_path: KeyPath, entry: tuple[str, ...], what: str) -> None:
        """See account_checks.Taking; the name of an account is the key of its row."""
        if isinstance(entry, Entry) and (holder := self._directory.holder(entry)) is not None:
            raise document.error(key_path, f"{what} is already in {place(holder)}")
