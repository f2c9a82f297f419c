"""A connection that hears of changed accounts (LISTEN) when they are committed."""

import contextlib
from collections.abc import Iterator

from estafeta_core.store.postgresql.connecting import connect, translated

CHANNEL = "estafeta_accounts"  # of the migration's trigger
SILENCE = 60.0  # seconds without a word, after which the server may be gone, and is asked by a new connection


def notices(url: str, timeout: float) -> Iterator[None]:
    """Yield once it listens, and whenever accounts have changed; StoreUnavailable when it hears no more."""
    with translated(), contextlib.closing(connect(url, timeout, read_only=True)) as connection:
        connection.execute(f"LISTEN {CHANNEL}")
        connection.patience = SILENCE
        yield
        for _ in connection.notifies():
            yield
