import json
from typing import Any

import pytest

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


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("host 127.0.0.1[127.0.0.1]:10587 said: 451 4.7.1 Service unavailable", "copies-wait"),
        ("connect to 127.0.0.1[127.0.0.1]:10587: Connection refused", "copies-wait"),
        ("connect to {run}/intake.sock[{run}/intake.sock]: No such file or directory", "reports-wait"),
        ("connect to mx.example.net[192.0.2.1]:25: Connection timed out", None),
    ],
)
def test_what_waits_for_a_daemon_of_ours_is_told_with_its_reason(
    setup: Setup, reason: str, code: str | None
) -> None:
    reason = reason.format(run=setup.config.run_dir)
    lines = [
        {**WAITING, "recipients": [{"address": "a@example.net", "delay_reason": reason}] * 2},
        {**WAITING, "queue_name": "active", "recipients": [{"address": "b@example.net"}]},
    ]
    listing = "".join(f"{json.dumps(line)}\n" for line in lines)
    found = list(queue.waiting(setup.config, queue._reasons(listing)))
    assert [(each.severity, each.code) for each in found] == ([("warning", code)] if code else [])
    assert all(each.reason.startswith("2 ") and each.reason.endswith(reason) for each in found)


def test_without_an_instance_nothing_is_asked(setup: Setup) -> None:
    known(setup, installed=False)
    assert list(queue.look(setup)) == []
