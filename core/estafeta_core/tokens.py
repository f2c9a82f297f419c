"""Signed tokens: self-contained, opaque to people, and revealing no address.

    token    = base64url(body + mac), no padding             in the path of a URL
             = base32(body + mac), lower case, no padding    in the local part of an address
    body     = key id (4) + mark (1) + id (8) + payload
    key id   = the first 4 bytes of the SHA-256 of the signing key
    mark     = the kind of token; the high bit says that `id` is a transmission's
    id       = message id of one copy, or transmission id where identical copies share a token
    payload  = length of the name (1) + name + target        (else empty)
               target is a URL for click, amp_click and link_unsubscribe, a SHA-256 for file and image
    mac      = HMAC-SHA256 of body, truncated to 128 bits (RFC 2104 section 5)

Everything a link does is in its token, so links work while the database is gone,
cannot be forged and are no open redirect. The first key signs and all verify, so
keys rotate without breaking mail that has been sent. Every token has one
spelling: reading refuses whatever this module would not have written, and never
raises, for the text comes from strangers.

Raises ValueError for keys that may not sign and for what no token can carry.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

KEY_BYTES = 32  # fewest: the output of SHA-256, below which HMAC weakens (RFC 2104 section 3)
TARGET_BYTES = 4096  # SparkPost's limit for a tracked link
NAME_BYTES = 255  # its length is one byte

_MAC_BYTES = 16
_ID_BYTES = 8
_BODY_BYTES = 4 + 1 + _ID_BYTES
_SHARED = 0x80
_LONGEST = (4 * (_BODY_BYTES + 1 + NAME_BYTES + TARGET_BYTES + _MAC_BYTES) + 2) // 3
_ADDRESS_TOKEN = 47  # characters of base32 for a body without payload and its MAC
_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")


class Kind(IntEnum):
    """What a token is for; the numbers are in tokens that have been sent and never change."""

    OPEN = 1
    INITIAL_OPEN = 2
    CLICK = 3
    AMP_CLICK = 4
    LIST_UNSUBSCRIBE = 5
    LINK_UNSUBSCRIBE = 6
    BOUNCE = 7
    WEB_VERSION = 8
    FILE = 9
    IMAGE = 10

    __hash__ = int.__hash__  # an enumeration's own runs Python code, and takes a quarter of the MAC's time


_KINDS = {kind.value: kind for kind in Kind}
_WITH_PAYLOAD = frozenset({Kind.CLICK, Kind.AMP_CLICK, Kind.LINK_UNSUBSCRIBE, Kind.FILE, Kind.IMAGE})


class Token(NamedTuple):
    """What a valid token says."""

    kind: Kind
    id: int
    shared: bool = False  # `id` is a transmission's, not that of one message
    target: bytes = b""
    name: str = ""


def subkey(key: bytes, purpose: bytes) -> bytes:
    """Return the key for one purpose, so that what one part signs means nothing to another."""
    return hmac.digest(key, b"estafeta " + purpose, "sha256")


def read_keys(paths: Sequence[Path]) -> list[bytes]:
    """Return the keys in the files, in order; ValueError names a file that holds too little.

    White space around a key is not part of it: an editor may add a line end to a key written as text.
    """
    keys = [path.read_bytes().strip() for path in paths]
    for path, key in zip(paths, keys, strict=True):
        if len(key) < KEY_BYTES:
            raise ValueError(
                f"{path}: a signing key has at least {KEY_BYTES} bytes, this file has {len(key)}"
            )
    return keys


class Signer:
    """Makes and reads tokens with the keys of one configuration; safe to share between threads."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise ValueError("there is no signing key")
        self._macs: dict[bytes, hmac.HMAC] = {}
        for key in keys:
            if len(key) < KEY_BYTES:
                raise ValueError(f"a signing key has at least {KEY_BYTES} bytes, this one has {len(key)}")
            key_id = hashlib.sha256(key).digest()[:4]
            if key_id in self._macs:
                raise ValueError(f"two signing keys have the same id {key_id.hex()}")
            self._macs[key_id] = hmac.new(subkey(key, b"token"), digestmod="sha256")
        first = next(iter(self._macs))
        self._mac = self._macs[first]  # copied for each token: half the time of keying HMAC anew
        self._prefix = [first + bytes([mark]) for mark in range(256)]

    def sign(
        self, kind: Kind, id_: int, *, shared: bool = False, target: bytes = b"", name: bytes = b""
    ) -> str:
        """Return the token in the form for URLs; ValueError when name or target are too long."""
        body = self._prefix[kind | _SHARED if shared else kind] + id_.to_bytes(_ID_BYTES, "big")
        if kind in _WITH_PAYLOAD:
            if len(name) > NAME_BYTES or len(target) > TARGET_BYTES:
                raise ValueError("a link's name or target is too long for a token")
            body += bytes([len(name)]) + name + target
        signed = self._signed(body)
        return binascii.b2a_base64(signed, newline=False).translate(_TO_URL, b"=").decode()

    def sign_address(self, kind: Kind, id_: int, *, shared: bool = False) -> str:
        """Return the token in the form for local parts: 47 characters that survive case folding."""
        return _base32(
            self._signed(self._prefix[kind | _SHARED if shared else kind] + id_.to_bytes(_ID_BYTES, "big"))
        )

    def _signed(self, body: bytes) -> bytes:
        mac = self._mac.copy()
        mac.update(body)
        return body + mac.digest()[:_MAC_BYTES]

    def read(self, text: str) -> Token | None:
        """Return what a token from a URL says, or None when we never wrote this text."""
        if len(text) > _LONGEST or not text.isascii():
            return None
        written = text.encode()
        try:
            raw = binascii.a2b_base64(written.translate(_FROM_URL) + b"=" * (-len(written) % 4))
        except binascii.Error:
            return None
        if binascii.b2a_base64(raw, newline=False).translate(_TO_URL, b"=") != written:
            return None
        return self._verified(raw)

    def read_address(self, text: str) -> Token | None:
        """Return what a token from a local part says, in whatever case it comes back."""
        if len(text) != _ADDRESS_TOKEN or not text.isascii():
            return None
        try:
            raw = base64.b32decode(text.upper() + "=")
        except binascii.Error:
            return None
        return self._verified(raw) if _base32(raw) == text.lower() else None

    def _verified(self, raw: bytes) -> Token | None:
        key_id, body, sent = raw[:4], raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        keyed = self._macs.get(key_id)
        if keyed is None or len(body) < _BODY_BYTES:
            return None
        mac = keyed.copy()
        mac.update(body)
        if not hmac.compare_digest(mac.digest()[:_MAC_BYTES], sent):
            return None
        return _parsed(body)


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).rstrip(b"=").lower().decode()


def _parsed(body: bytes) -> Token | None:
    """Return the token in a body whose MAC was right; None when a later version wrote it."""
    kind = _KINDS.get(body[4] & ~_SHARED)
    if kind is None:
        return None
    shared = bool(body[4] & _SHARED)
    id_ = int.from_bytes(body[5:_BODY_BYTES], "big")
    if kind not in _WITH_PAYLOAD:
        return Token(kind, id_, shared) if len(body) == _BODY_BYTES else None
    payload = body[_BODY_BYTES:]
    if not payload or len(payload) < 1 + payload[0]:
        return None
    end = 1 + payload[0]
    return Token(kind, id_, shared, payload[end:], payload[1:end].decode("utf-8", "replace"))
