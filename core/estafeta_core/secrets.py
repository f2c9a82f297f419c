"""Keys and passwords: made, hashed, checked; no secret is kept, shown or logged.

Generated keys     8 + 40 hexadecimal digits: a prefix to recognise the key by, and 160 random
                   bits; some providers put words before them (`account-tr-`). Kept as
                   `sha256:<prefix>:<SHA-256 of the whole key>`: a fast hash is enough where
                   nothing can be guessed, and it makes look-ups constant in time.
Chosen passwords   kept as `argon2id:<PHC string>`, with the parameters OWASP gives as minimum
                   (19 MiB, two passes, one lane). Text is normalised to NFC before hashing, so
                   that a password typed on a Mac and on a PC is the same one; nothing is cut
                   off, trailing space counts; empty passwords and NUL are refused.

A successful password check is remembered for five minutes under an HMAC with a key that only
this process knows. The stored hash goes into that HMAC: once a reload changes or removes the
entry, the old password finds nothing, whatever time was left.

Raises ValueError for text that is not of these forms.
"""

import hashlib
import hmac
import re
import secrets
import threading
import time
import unicodedata
from collections.abc import Callable

import argon2

PREFIX_LENGTH = 8
SECRET_BYTES = 20  # 160 bits, as SparkPost's keys hold
KEY_LENGTH = PREFIX_LENGTH + 2 * SECRET_BYTES  # of a generated key, without a provider's words
MIN_KEY_LENGTH = 2 * SECRET_BYTES  # characters: a key made elsewhere may have no prefix
REMEMBERED = 300.0  # seconds a successful check is remembered
REMEMBERED_ENTRIES = 10_000  # about 2 MB; the oldest goes first
MEMORY_KIB = 19 * 1024  # OWASP Password Storage Cheat Sheet, argon2id
MEMORY_KIB_LIMIT = 256 * 1024  # a hash that asks for more would stall every login

_SEPARATOR = re.compile(r"[._-]")
_STORED_KEY = re.compile(r"sha256:([A-Za-z0-9._-]{8}):([0-9a-f]{64})")
_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=MEMORY_KIB, parallelism=1)


def generate_key() -> str:
    """Return a new key; it is shown once, to whoever asked for it."""
    return secrets.token_hex(PREFIX_LENGTH // 2) + secrets.token_hex(SECRET_BYTES)


def key_prefix(stored: str) -> str:
    """Return the digits by which a person recognises the key behind `stored`."""
    return _parsed(stored)[1]


def hash_key(key: str) -> str:
    """Return what the account file keeps of `key`."""
    digits = _SEPARATOR.split(key)[-1]
    recognised = digits if len(digits) >= KEY_LENGTH else key
    stored = f"sha256:{recognised[:PREFIX_LENGTH]}:{key_digest(key).hex()}"
    if len(key) < MIN_KEY_LENGTH:
        raise ValueError("a key of less than 160 bits has to be a password")
    _parsed(stored)
    return stored


def stored_digest(stored: str) -> bytes:
    """Return the SHA-256 inside a stored key."""
    return bytes.fromhex(_parsed(stored)[2])


def key_digest(key: str) -> bytes:
    """Return the SHA-256 that a presented key is looked up by."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def _parsed(stored: str) -> re.Match[str]:
    match = _STORED_KEY.fullmatch(stored)
    if match is None:
        raise ValueError("not a stored key of the form sha256:<8 characters>:<64 hexadecimal digits>")
    return match


def hash_password(password: str) -> str:
    """Return what the account file keeps of `password`."""
    if not password or "\0" in password:
        raise ValueError("a password must not be empty or hold NUL")
    return "argon2id:" + _HASHER.hash(_normal(password))


def check_stored_password(stored: str) -> None:
    """Raise ValueError unless `stored` is an argon2id hash that can be verified in reasonable time."""
    scheme, _, phc = stored.partition(":")
    try:
        parameters = argon2.extract_parameters(phc)
    except argon2.exceptions.InvalidHashError:
        parameters = None
    if scheme != "argon2id" or parameters is None or parameters.type is not argon2.Type.ID:
        raise ValueError("not a stored password of the form argon2id:$argon2id$v=19$m=…,t=…,p=…$…$…")
    if parameters.memory_cost > MEMORY_KIB_LIMIT:
        raise ValueError(f"asks for more than {MEMORY_KIB_LIMIT} KiB a check")


def _normal(password: str) -> bytes:
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


class PasswordChecker:
    """Checks chosen passwords; safe to call from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._expiries: dict[bytes, float] = {}  # in the order of insertion, so the oldest is first
        self._nobody = hash_password(secrets.token_hex())

    def remembered(self, credential_id: str, stored: str, password: str) -> bool:
        """Return whether this very check has succeeded lately; costs microseconds."""
        return self._expiries.get(self._tag(credential_id, stored, password), 0.0) > self._clock()

    def check(self, credential_id: str, stored: str, password: str) -> bool:
        """Return whether `password` is the one behind `stored`; takes about 30 ms when not remembered."""
        if self.remembered(credential_id, stored, password):
            return True
        if not _verified(stored, password):
            return False
        self._remember(self._tag(credential_id, stored, password))
        return True

    def refuse_unknown(self, password: str) -> None:
        """Spend the time of a check, for a user name that is not there."""
        _verified(self._nobody, password)

    def _tag(self, credential_id: str, stored: str, password: str) -> bytes:
        digest = hmac.new(self._key, digestmod="sha256")
        for part in (credential_id.encode(), stored.encode(), _normal(password)):
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.digest()

    def _remember(self, tag: bytes) -> None:
        with self._lock:
            self._expiries.pop(tag, None)
            self._expiries[tag] = self._clock() + REMEMBERED
            while len(self._expiries) > REMEMBERED_ENTRIES:
                del self._expiries[next(iter(self._expiries))]


def _verified(stored: str, password: str) -> bool:
    """Run argon2id, which compares in constant time; a malformed hash verifies nothing."""
    if not password or "\0" in password:
        return False
    try:
        return _HASHER.verify(stored.removeprefix("argon2id:"), _normal(password))
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False
