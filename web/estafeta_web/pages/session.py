"""The cookie of somebody who is signed in: signed, and bound to the secret he signed in with.

    cookie = base64url(body + mac), no padding
    body   = expiry (8), Unix seconds + account/credential in UTF-8
    mac    = HMAC-SHA256 of body, NUL and the credential's stored secret

Nothing is kept on the server. As the stored secret is under the MAC, a rotated key or a changed password ends
every session that was begun with the old one. The key is made from the first signing key, for this purpose
alone; cookies of the other keys are still read, so that a new first key signs nobody out.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Sequence

from estafeta_core.directory import Credential

LIFETIME = 12 * 3600  # seconds: a day's work, and a browser left open overnight shows nothing in the morning
COOKIE_BYTES = 1024  # two names of files and a MAC have some 200

_EXPIRY_BYTES = 8
_MAC_BYTES = hashlib.sha256().digest_size

Find = Callable[[str, str], Credential | None]


def issue(keys: Sequence[bytes], credential: Credential, now: float) -> str:
    """Return the cookie of a session that begins `now`, in Unix seconds."""
    body = (int(now) + LIFETIME).to_bytes(_EXPIRY_BYTES, "big") + credential.id.encode()
    return base64.urlsafe_b64encode(body + _mac(keys[0], body, credential)).rstrip(b"=").decode()


def read(keys: Sequence[bytes], cookie: str, now: float, find: Find) -> Credential | None:
    """Return whose session this is; None when it has ended, or never was one."""
    raw = _decoded(cookie)
    body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    if len(body) <= _EXPIRY_BYTES or int.from_bytes(body[:_EXPIRY_BYTES], "big") <= now:
        return None
    account, _, name = body[_EXPIRY_BYTES:].decode("utf-8", "replace").rpartition("/")
    credential = find(account, name)
    if credential is None or not any(hmac.compare_digest(_mac(key, body, credential), mac) for key in keys):
        return None
    return credential


def _decoded(cookie: str) -> bytes:
    if len(cookie) > COOKIE_BYTES or not cookie.isascii():
        return b""
    try:
        return base64.urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4))
    except binascii.Error:
        return b""


def _mac(key: bytes, body: bytes, credential: Credential) -> bytes:
    stored = credential.settings.key or credential.settings.password
    return hmac.digest(key, body + b"\0" + stored.encode(), "sha256")
