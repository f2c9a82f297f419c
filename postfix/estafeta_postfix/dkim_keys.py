"""DKIM keys as operators have to do with them: made, and published in DNS.

Raises KeyFileError (estafeta_milter.dkim.keys) where a file holds no key.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from estafeta_core.config.accounts import Account, DkimKey
from estafeta_core.config.dkim_checks import record_name
from estafeta_milter.dkim.keys import PrivateKey, read

Kind = Literal["rsa", "ed25519"]

RSA_BITS = 2048  # what signers should use (RFC 8301 section 3.2), and what fits into DNS without trouble
MOST_BITS = 4096  # verifiers need not take longer RSA keys (RFC 8301 section 3.2)
STRING_LIMIT = 255  # bytes of one string of a TXT record (RFC 1035 section 3.3)

_EXPONENT = 65537  # RFC 6376 section 3.3.1 and RFC 8017 appendix A: the one that every verifier takes


@dataclass(frozen=True, slots=True)
class Configured:
    """A key that an account file names."""

    account: str
    domain: str
    name: str
    key: DkimKey

    @property
    def place(self) -> str:
        """Where its public half is in DNS."""
        return record_name(self.domain, self.key.selector)

    def read(self) -> PrivateKey:
        """Return the key itself."""
        return read(self.key.file)


def configured(accounts: Mapping[str, Account]) -> Iterator[Configured]:
    """Yield every key that accounts name, in the order of their names."""
    for name in sorted(accounts):
        yield from of_account(accounts[name])


def of_account(account: Account) -> Iterator[Configured]:
    """Yield the keys of one account."""
    for domain, settings in account.domains.items():
        for name, key in (settings.dkim.keys if settings.dkim is not None else {}).items():
            if isinstance(key, DkimKey):
                yield Configured(account.account, domain, name, key)


def make(kind: Kind, bits: int = RSA_BITS) -> bytes:
    """Return a new private key in PEM (PKCS #8); `bits` is the length of an RSA key."""
    private = Ed25519PrivateKey.generate() if kind == "ed25519" else generate_private_key(_EXPONENT, bits)
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def zone_line(place: str, record: str) -> str:
    """Return a record as zone files write it, in strings as long as DNS takes them."""
    strings = (record[at : at + STRING_LIMIT] for at in range(0, len(record), STRING_LIMIT))
    return f"{place}. IN TXT ( " + " ".join(f'"{string}"' for string in strings) + " )"
