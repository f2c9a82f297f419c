import json
from typing import Any

from estafeta_postfix.checks import queue
from estafeta_postfix.checks.setup import Setup

from .conftest import known

# As `postqueue -j` shows it, see postqueue(1).
WAITING: dict[str, Any] = {
    "queue_name": "deferred",
    "queue_id": "4jWHCJ5RnqzJ9cF",
    "arrival_time": 1_795_182_755,
    "message_size": 512,
    "forced_expire": False,
    "sender": "news@acme.example",
}


def test_reasons_are_read_with_their_queue_id() -> None:
    lines = [
        {**WAITING, "recipients": [{"address": "a@example.net", "delay_reason": "why"}] * 2},
        {**WAITING, "queue_name": "active", "recipients": [{"address": "b@example.net"}]},
    ]
    listing = "".join(f"{json.dumps(line)}\n" for line in lines)
    assert list(queue.reasons(listing)) == [("4jWHCJ5RnqzJ9cF", "why")] * 2


def test_without_an_instance_nothing_is_asked(setup: Setup) -> None:
    known(setup, installed=False)
    assert list(queue.look(setup)) == []
