"""The accounts a sandbox begins with: what each dialect can do, and what is refused.

The keys are made for each run. Their hashes go into the account files; the keys themselves are only
in what the sandbox prints.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from estafeta_core import secrets
from estafeta_core.store.rows import Suppression
from estafeta_postfix.files import write_text

SPARKPOST_USER = "SMTP_Injection"

_ACME = """\
# Written anew each time the sandbox starts: it makes new keys. Changes made meanwhile take effect at once.
account: acme
dialect: sparkpost
domains:
  acme.example: {{verified: true}}
  new.example: {{verified: false}}
subaccounts:
  "123": {{domains: [sub.acme.example]}}
credentials:
  main: {{key: "{main}", permissions: [send, events, skip_suppression]}}
  readonly: {{key: "{readonly}", permissions: [events]}}
  sendonly: {{key: "{sendonly}", permissions: [send]}}
"""

_NOTES = {
    "main": "may send, read events and skip suppression; acme.example is verified, new.example is not;"
    f" subaccount 123 ({SPARKPOST_USER}:X-MSYS-SUBACCOUNT=123) owns sub.acme.example",
    "readonly": "may read events, not send",
    "sendonly": "may send, not skip suppression",
}
_SUPPRESSED = "suppressed@example.net"


@dataclass(frozen=True, slots=True)
class DemoCredential:
    """What a person needs to log in; the names are those of the sandbox's JSON."""

    id: str
    account: str
    dialect: str
    username: str
    password: str
    senders: tuple[str, ...]
    domains: tuple[str, ...]
    note: str


def write(folder: Path, generate: Callable[[], str] = secrets.generate_key) -> list[DemoCredential]:
    """Write the account files into `folder` and return the credentials with their keys."""
    keys = {name: generate() for name in _NOTES}
    text = _ACME.format(**{name: secrets.hash_key(key) for name, key in keys.items()})
    write_text(folder / "acme.yaml", text, mode=0o600)
    return [
        DemoCredential(
            id=f"acme/{name}",
            account="acme",
            dialect="sparkpost",
            username=SPARKPOST_USER,
            password=key,
            senders=("anything@acme.example",),
            domains=("acme.example", "new.example"),
            note=_NOTES[name],
        )
        for name, key in keys.items()
    ]


def suppressions(now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> list[Suppression]:
    """Return the addresses that the demo accounts do not mail."""
    return [
        Suppression(
            account="acme",
            subaccount=None,
            recipient=_SUPPRESSED,
            type=kind,
            source="Manually Added",
            description="suppressed in every sandbox",
            created=now_ms(),
        )
        for kind in ("transactional", "non_transactional")
    ]
