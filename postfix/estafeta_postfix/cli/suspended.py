"""Credentials that are suspended by themselves, as `estafeta key` shows and lifts it.

That stands in the store and not in the account files. Where there is no store yet, nobody is suspended.
"""

import contextlib
import time

from estafeta_core.directory import Credential, Directory
from estafeta_core.rules import sending_suspended
from estafeta_core.store import Store, StoreUnavailable, open_store
from estafeta_core.store.standing_rows import SuspensionLifted
from estafeta_core.store.store import backend
from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.explain.known import open_known
from estafeta_postfix.suspender import words

NO_DOMAIN = "no domain of it is in DNS any more"


def reasons(url: str, directory: Directory) -> dict[str, str]:
    """Return why credentials are suspended by themselves, by their ids. Raises StoreUnavailable."""
    with contextlib.closing(open_known(url)) as store:
        under = directory.under(store.standing())
        for_mail = {name: words(each) for name, each in store.suspended().items()}
    refused = (each.id for each in under.credentials() if sending_suspended.check(each))
    return {name: for_mail.get(name, NO_DOMAIN) for name in refused}


def lift(url: str, credential: Credential) -> bool:
    """Let the credential send again; whether it was suspended by itself. Failure when nobody can tell."""
    try:
        if not backend(url).made():
            return False
        with contextlib.closing(open_store(url)) as store:
            return _lift(store, credential)
    except StoreUnavailable as error:
        raise Failure(f"{credential.id} may be suspended by itself, the store cannot tell: {error}") from None


def _lift(store: Store, credential: Credential) -> bool:
    if credential.id not in store.suspended():
        return False
    now = time.time_ns() // 1_000_000
    store.record([SuspensionLifted(credential.account.account, credential.name, now)])
    return True
