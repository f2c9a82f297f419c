"""A receiver can tell that a post is ours, whole, and no old one (I4)."""

import base64
import hashlib
import hmac
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from estafeta_core.webhooks import signature

BODY = b'[{"msys":{"message_event":{"type":"delivery"}}}]'


def test_i4_the_library_of_standard_webhooks_takes_our_signature() -> None:
    secret = signature.new_secret()
    headers = signature.standard(secret, "17", int(time.time()), BODY)
    assert Webhook(secret).verify(BODY, headers)


def test_i4_a_plain_hmac_over_id_time_and_body_is_the_signature() -> None:
    secret = signature.new_secret()
    headers = signature.standard(secret, "17", 1_800_000_000, BODY)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, b"17.1800000000." + BODY, hashlib.sha256).digest()
    assert headers == {
        "webhook-id": "17",
        "webhook-timestamp": "1800000000",
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }


@pytest.mark.parametrize(
    ("change", "body"),
    [
        ({}, BODY.replace(b"delivery", b"bounce")),
        ({"webhook-id": "18"}, BODY),
        ({"webhook-timestamp": str(int(time.time()) - 10)}, BODY),
        ({"webhook-timestamp": str(int(time.time()) - 3600)}, BODY),
        ({"webhook-signature": "v1,AAAA"}, BODY),
    ],
)
def test_i4_what_was_changed_is_refused(change: dict[str, str], body: bytes) -> None:
    secret = signature.new_secret()
    headers = signature.standard(secret, "17", int(time.time()), BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, headers | change)


def test_i4_a_post_of_ten_minutes_ago_sent_again_is_refused() -> None:
    secret = signature.new_secret()
    with pytest.raises(WebhookVerificationError, match="too old"):
        Webhook(secret).verify(BODY, signature.standard(secret, "17", int(time.time()) - 600, BODY))


def test_secrets_are_all_different_and_hold_256_bits() -> None:
    secrets = {signature.new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(base64.b64decode(secret.removeprefix("whsec_"))) for secret in secrets} == {32}


def test_e21_emitlos_signature_is_the_hmac_of_the_body() -> None:
    headers = signature.emitlo("whsec_abc", "17", "delivery", BODY)
    assert headers == {
        "X-Emitlo-Signature": "sha256=" + hmac.new(b"whsec_abc", BODY, hashlib.sha256).hexdigest(),
        "X-Emitlo-Event": "delivery",
        "X-Emitlo-Delivery-Id": "17",
    }


MANUAL = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text()


@pytest.mark.parametrize(
    "recipe", re.findall(r"```python\n(.*?)```", MANUAL, re.DOTALL), ids=["library", "hmac"]
)
def test_i4_what_the_manual_tells_receivers_takes_our_posts_and_no_others(recipe: str) -> None:
    said: dict[str, Any] = {}
    exec(recipe, said)
    secret, now = signature.new_secret(), int(time.time())
    headers = signature.standard(secret, "17", now, BODY)
    assert said["verified"](secret, headers, BODY) == json.loads(BODY)
    old = signature.standard(secret, "17", now - 600, BODY)
    refused = (ValueError, WebhookVerificationError)
    for given, body in (
        (headers, BODY + b" "),
        (headers | {"webhook-timestamp": str(now - 1)}, BODY),
        (old, BODY),
    ):
        with pytest.raises(refused):
            said["verified"](secret, given, body)
