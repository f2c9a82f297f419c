"""DKIM signatures, verified by two programs that have nothing to do with ours: dkimpy and opendkim.

Neither asks DNS: both are given the records. dkimpy cannot verify Ed25519 without a library that nothing
else needs, so there opendkim alone is asked.
"""

import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import dkim  # type: ignore[import-untyped]  # it comes without types

from estafeta_core.headers import Header
from estafeta_milter.dkim.keys import PrivateKey, read
from estafeta_postfix import dkim_keys

_SIGNATURE = re.compile(rb"^DKIM-Signature:", re.IGNORECASE | re.MULTILINE)
_TAG = re.compile(r"(?:^|;)\s*([a-z]+)\s*=([^;]*)")
_VERDICT = re.compile(r"verification \(s=([^ ,]+),? .*\) (succeeded|failed)")


class Records:
    """The public keys that DNS would have."""

    def __init__(self, records: Mapping[str, str]) -> None:
        self._records = dict(records)  # by the name in DNS

    @classmethod
    def of(cls, description: Mapping[str, Any]) -> "Records":
        """Return those that the JSON of a sandbox tells."""
        return cls({f"{r['selector']}._domainkey.{r['domain']}": r["record"] for r in description["dkim"]})

    def dkimpy(self, message: bytes) -> list[bool]:
        """Return what dkimpy says of each signature of a message, from the top."""

        def answer(name: bytes, timeout: int = 5) -> bytes | None:
            record = self._records.get(name.decode("ascii").rstrip("."))
            return record.encode("ascii") if record else None

        count = len(_SIGNATURE.findall(message.partition(b"\r\n\r\n")[0]))
        return [_verified(message, place, answer) for place in range(count)]

    def opendkim(self, message: bytes) -> tuple[str, str] | None:
        """Return the selector that opendkim has looked at, and `succeeded` or `failed`."""
        with tempfile.TemporaryDirectory() as folder:
            names = "".join(f"{name} {record}\n" for name, record in self._records.items())
            (Path(folder) / "dns").write_text(names)
            (Path(folder) / "conf").write_text(f"Mode v\nSyslog no\nTestDNSData file:{folder}/dns\n")
            (Path(folder) / "message").write_bytes(message)
            said = subprocess.run(
                ["/usr/sbin/opendkim", "-x", f"{folder}/conf", "-t", f"{folder}/message"],
                capture_output=True,
                text=True,
                check=True,
                timeout=30,
            )
        found = _VERDICT.search(said.stdout + said.stderr)
        return (found[1], found[2]) if found else None

    def assert_valid(self, message: bytes, selector: str) -> None:
        """Hold a message to one signature, by the key of this selector, that both programs take for valid."""
        signature = tags(message)
        assert signature["s"] == selector
        assert self.opendkim(message) == (selector, "succeeded")
        if signature["a"] == "rsa-sha256":
            assert self.dkimpy(message) == [True]


def _verified(message: bytes, place: int, answer: Callable[..., bytes | None]) -> bool:
    try:
        return bool(dkim.DKIM(message).verify(idx=place, dnsfunc=answer))
    except dkim.ValidationError:  # how dkimpy says that the body is another
        return False


def tags(message: bytes) -> dict[str, str]:
    """Return the tags of the one signature of a message, without white space."""
    head = message.partition(b"\r\n\r\n")[0] + b"\r\n"
    (field,) = re.findall(
        rb"^DKIM-Signature:((?:.*\r\n)(?:[ \t].*\r\n)*)", head, re.IGNORECASE | re.MULTILINE
    )
    return {name: "".join(value.split()) for name, value in _TAG.findall(field.decode("ascii"))}


@cache
def key_file(kind: dkim_keys.Kind = "rsa", bits: int = dkim_keys.RSA_BITS) -> Path:
    """Return the file of a key of this kind, which is made once for all tests of a process."""
    file = Path(tempfile.mkdtemp(prefix="estafeta-keys-")) / f"{kind}-{bits}.pem"
    file.write_bytes(dkim_keys.make(kind, bits))
    file.chmod(0o600)
    return file


def private_key(kind: dkim_keys.Kind = "rsa") -> PrivateKey:
    """Return the key of this kind that tests share."""
    return read(key_file(kind))


def as_sent(headers: tuple[Header, ...], body: bytes) -> bytes:
    """Return fields and body as smtp(8) sends them, with an end behind the last line."""
    if body and not body.endswith(b"\r\n"):
        body += b"\r\n"
    fields = [header.name.encode() + b": " + header.value.replace(b"\n", b"\r\n") for header in headers]
    return b"\r\n".join([*fields, b"", body])
