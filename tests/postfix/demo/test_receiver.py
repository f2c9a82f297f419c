import json
import time
import urllib.request

import pytest
from standardwebhooks import WebhookVerificationError

from estafeta_core.webhooks import signature
from estafeta_postfix.demo.receiver import Receiver, receiving


def post(receiver: Receiver, secret: str, batch: object) -> int:
    body = json.dumps(batch).encode()
    headers = signature.standard(secret, "1", int(time.time()), body)
    with urllib.request.urlopen(urllib.request.Request(receiver.url, body, headers), timeout=5) as answer:
        status: int = answer.status
    return status


def test_batches_are_taken_and_their_events_read_with_the_secret() -> None:
    secret = signature.new_secret()
    with receiving() as receiver:
        assert post(receiver, secret, [{"msys": {}}]) == 200
        assert post(receiver, secret, [{"msys": {"message_event": {"event_id": "1"}}}]) == 200
        assert receiver.events(secret) == [{"event_id": "1"}]


def test_what_is_signed_with_another_secret_is_told() -> None:
    with receiving() as receiver:
        post(receiver, signature.new_secret(), [{"msys": {}}])
        with pytest.raises(WebhookVerificationError):
            receiver.events(signature.new_secret())
