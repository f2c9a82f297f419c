import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from estafeta_core.store import Store, open_store
from estafeta_core.store.rows import Message, Transmission

INJECTED = 1_795_182_755_174  # 2026-11-20T13:52:35.174Z


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(open_store(f"sqlite:///{tmp_path}/estafeta.db")) as opened:
        yield opened


@pytest.fixture
def injected() -> int:
    """When every transmission was injected, in Unix milliseconds."""
    return INJECTED


@pytest.fixture
def inject(store: Store) -> Callable[..., None]:
    """Return a function that records a transmission of these recipients under a queue id."""

    def record(queue_id: str, *recipients: str, number: int = 1000) -> None:
        transmission = Transmission(
            transmission_id=number,
            queue_id=queue_id,
            account="acme",
            credential="main",
            subaccount="123",
            dialect="sparkpost",
            listener="sparkpost-587",
            customer_id="acme",
            injection_time=INJECTED,
            msg_from="b+x@bounce.example",
            friendly_from="news@acme.example",
            subject="",
            msg_size=100,
            campaign_id="",
            metadata={},
            tags=(),
            open_tracking=False,
            click_tracking=False,
            initial_pixel=False,
            transactional=False,
        )
        copies = [
            Message(number + place, number, recipient.lower(), recipient)
            for place, recipient in enumerate(recipients, start=1)
        ]
        store.record([transmission, *copies])

    return record
