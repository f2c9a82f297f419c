"""Private keys in files: PEM, RSA or Ed25519 (RFC 6376, RFC 8301, RFC 8463).

`Keys` reads a file when its key is first needed, and again when the file has changed; it looks no more often
than `LOOK_EVERY`. So a process reads the keys of those who send, not of all accounts there are, and a key
that was replaced signs within a second. A file that went bad after it was read changes nothing: the key in
memory stays in force, which is logged once. One that could not be read is tried again at the next look.

Raises KeyFileError, whose text names the file and what to do.
"""

import base64
import hashlib
import logging
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

LEAST_BITS = 1024  # verifiers take no signature of a shorter RSA key for valid (RFC 8301 section 3.2)
FILE_BYTES = 65_536  # an RSA key of 16,384 bits has 13,000
LOOK_EVERY = 0.5  # seconds; as often as the configuration is looked at

log = logging.getLogger(__name__)

_PADDING = padding.PKCS1v15()
_SHA256 = hashes.SHA256()
_TRIAL = b"estafeta"


class KeyFileError(Exception):
    """A file holds no key that can sign."""


class KeyUnreadError(KeyFileError):
    """A file was not read, which says nothing of what it holds: a process may have run out of descriptors."""


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key that signs."""

    private: RSAPrivateKey | Ed25519PrivateKey

    @property
    def algorithm(self) -> str:
        """The value of a= in a signature."""
        return "rsa-sha256" if isinstance(self.private, RSAPrivateKey) else "ed25519-sha256"

    @property
    def bits(self) -> int:
        """The length of the key."""
        return self.private.key_size if isinstance(self.private, RSAPrivateKey) else 256

    def sign(self, data: bytes) -> bytes:
        """Return the signature of `data`, which is hashed first with either kind of key."""
        if isinstance(self.private, RSAPrivateKey):
            return self.private.sign(data, _PADDING, _SHA256)
        return self.private.sign(hashlib.sha256(data).digest())

    def record(self) -> str:
        """Return the text of the TXT record that publishes its public half (RFC 6376 section 3.6.1)."""
        public = self.private.public_key()
        if isinstance(self.private, RSAPrivateKey):
            kind = "rsa"
            data = public.public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        else:  # the 32 bytes themselves (RFC 8463 section 4)
            kind = "ed25519"
            data = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return f"v=DKIM1; k={kind}; p={base64.b64encode(data).decode('ascii')}"


def read(path: Path) -> PrivateKey:
    """Return the key in a file."""
    data = _content(path)
    try:
        # Whether an RSA key's primes are primes takes 30 ms; that its halves fit is tried below in one.
        private = serialization.load_pem_private_key(data, None, unsafe_skip_rsa_key_validation=True)
    except TypeError:
        raise KeyFileError(f"{path} is encrypted (a daemon has nobody to ask: store it in clear)") from None
    except (ValueError, UnsupportedAlgorithm):
        raise KeyFileError(f"{path} is not a private key in PEM (estafeta dkim create makes one)") from None
    if not isinstance(private, RSAPrivateKey | Ed25519PrivateKey):
        raise KeyFileError(f"{path} is neither an RSA nor an Ed25519 key")
    if isinstance(private, RSAPrivateKey) and private.key_size < LEAST_BITS:
        raise KeyFileError(
            f"{path} has {private.key_size} bits, nobody takes less than {LEAST_BITS} (RFC 8301)"
        )
    key = PrivateKey(private)
    if not _signs(key):
        raise KeyFileError(f"{path} is damaged: what it signs does not verify")
    return key


def _content(path: Path) -> bytes:
    """Return what is in a file; nobody waits for a pipe, or reads a device that never ends."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise KeyFileError(f"{path} is no regular file")
            data = os.read(descriptor, FILE_BYTES + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise KeyUnreadError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > FILE_BYTES:
        raise KeyFileError(f"{path} has more than {FILE_BYTES} bytes, which no key has")
    return data


def _signs(key: PrivateKey) -> bool:
    """Whether the two halves of a key belong together."""
    try:
        signature = key.sign(_TRIAL)
        if isinstance(key.private, RSAPrivateKey):
            key.private.public_key().verify(signature, _TRIAL, _PADDING, _SHA256)
        else:
            key.private.public_key().verify(signature, hashlib.sha256(_TRIAL).digest())
    except (InvalidSignature, ValueError):
        return False
    return True


class _Mark(NamedTuple):
    """What tells one state of a file from another."""

    changed: int
    modified: int
    inode: int
    size: int


@dataclass(slots=True)
class _Known:
    """What became of a file when it was read last."""

    key: PrivateKey | None
    error: str
    mark: _Mark | None  # None: there was no file, or it was not read
    looked: float


class Keys:
    """The keys of a process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[Path, _Known] = {}

    def get(self, path: Path) -> PrivateKey:
        """Return the key in a file; KeyFileError when it holds none, and held none before."""
        now = self._clock()
        known = self._known.get(path)
        if known is None or now - known.looked >= LOOK_EVERY:
            known = self._known[path] = _look(path, known, now)
        if known.key is None:
            raise KeyFileError(known.error)
        return known.key


def _look(path: Path, before: _Known | None, now: float) -> _Known:
    """Return what is known of a file now; the key known before stays where there is no better one."""
    mark = _mark(path)
    if before is not None and before.mark == mark:
        return _Known(before.key, before.error, mark, now)
    try:
        key = read(path)
    except KeyFileError as error:
        seen = None if isinstance(error, KeyUnreadError) else mark
        if before is None or before.key is None:
            return _Known(None, str(error), seen, now)
        if str(error) != before.error:
            log.error("%s; the key read before stays in force", error)
        return _Known(before.key, str(error), seen, now)
    if before is not None:
        log.info("%s: read again and in force", path)
    return _Known(key, "", mark, now)


def _mark(path: Path) -> _Mark | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return _Mark(found.st_ctime_ns, found.st_mtime_ns, found.st_ino, found.st_size)


KEYS = Keys()
"""Those of this process: they outlive the configurations that name their files."""
