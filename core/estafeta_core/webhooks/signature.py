"""Secrets, and how a post proves that it is ours, is whole, and is no old one sent again.

Standard Webhooks (standardwebhooks.com), on every post:

    webhook-id: <batch id>            the same each time the batch is tried: to tell repetitions
    webhook-timestamp: <Unix seconds> of this attempt: receivers refuse what is five minutes away
    webhook-signature: v1,<base64>    HMAC-SHA256 of `id.timestamp.body` with the bytes in the secret

Emitlo's, where a webhook asks for it (`"signature": "emitlo"`), beside the above:

    X-Emitlo-Signature: sha256=<hex>  HMAC-SHA256 of the body, with the secret's text as it was shown
    X-Emitlo-Event: <type>            of the one event in the batch
    X-Emitlo-Delivery-Id: <batch id>
"""

import base64
import hashlib
import hmac
import secrets
from datetime import UTC, datetime

from standardwebhooks import Webhook as Signer

SECRET_BYTES = 32  # Standard Webhooks asks for 24 to 64
PREFIX = "whsec_"


def new_secret() -> str:
    """Return a secret for one webhook: `whsec_` and its bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def standard(secret: str, batch_id: str, seconds: int, body: bytes) -> dict[str, str]:
    """Return the header fields of Standard Webhooks for a post at `seconds` of Unix time."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return {
        "webhook-id": batch_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": Signer(secret).sign(batch_id, moment, body.decode()),
    }


def emitlo(secret: str, batch_id: str, event_type: str, body: bytes) -> dict[str, str]:
    """Return the header fields of Emitlo's webhooks."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {
        "X-Emitlo-Signature": f"sha256={digest}",
        "X-Emitlo-Event": event_type,
        "X-Emitlo-Delivery-Id": batch_id,
    }
