"""A store with events, and a sender that posts them."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from estafeta_core.config.schema import Webhooks
from estafeta_core.store import Store, open_store
from estafeta_core.store.outgoing_rows import Webhook
from estafeta_core.store.rows import Event
from estafeta_core.webhooks.signature import new_secret
from estafeta_postfix.webhooks import backoff
from estafeta_postfix.webhooks.sender import Sender
from estafeta_testing.duty import on_duty
from estafeta_testing.stored import make_rows

Add = Callable[..., Webhook]
Send = Callable[..., list[str]]
Sending = Callable[..., contextlib.AbstractContextManager[Sender]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(open_store(f"sqlite:///{tmp_path}/estafeta.db", checkpoints=True)) as opened:
        yield opened


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again soon."""
    monkeypatch.setattr(backoff, "FIRST", 0.1)
    monkeypatch.setattr(backoff, "LIMIT", 0.4)


@pytest.fixture
def add(store: Store) -> Add:
    """Return a function that makes a webhook for injections of acme."""

    def record(url: str, name: str = "w", **fields: Any) -> Webhook:
        given = {"active": True, "events": ("injection",), "settings": {}, **fields}
        webhook = Webhook(
            name, "acme", None, "a", url, exceptions=(), secret=new_secret(), created=1, **given
        )
        store.record([webhook])
        return webhook

    return record


@pytest.fixture
def send(store: Store) -> Send:
    """Return a function that records messages and returns the ids of their injections."""

    def record(count: int) -> list[str]:
        ids = []
        for _ in range(count):
            rows = make_rows()
            store.record(rows)
            ids += [str(row.event_id) for row in rows if isinstance(row, Event)]
        return ids

    return record


@pytest.fixture
def sending(store: Store) -> Sending:
    """Return a function that has a sender post until the block ends."""
    lease = on_duty(store)

    @contextlib.contextmanager
    def run(**settings: Any) -> Iterator[Sender]:
        given = Webhooks(**{"batch_seconds": 0.1, "allow_networks": ("127.0.0.0/8",), **settings})
        sender = Sender(store, lambda: given, lease)
        sender.start()
        try:
            yield sender
        finally:
            sender.stop(15)

    return run
