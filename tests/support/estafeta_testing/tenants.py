"""Accounts of one test's own in a sandbox that others share."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from estafeta_core import secrets
from estafeta_testing.relay import Relay
from estafeta_testing.smtp import Connection

NOTICED = 1.2  # seconds: every process looks at the files for itself, twice a second


@dataclass(frozen=True, slots=True)
class Tenant:
    """An account of SparkPost's dialect with one key."""

    relay: Relay
    name: str
    key: str

    @contextlib.contextmanager
    def session(self, subaccount: str = "") -> Iterator[Connection]:
        """Yield a connection that has logged in."""
        suffix = f":X-MSYS-SUBACCOUNT={subaccount}" if subaccount else ""
        with self.relay.raw() as client:
            self.relay.begin(client, tls=False)
            reply = client.login(f"SMTP_Injection{suffix}", self.key)
            assert reply.startswith("235"), reply
            yield client
            client.quit()


@contextlib.contextmanager
def tenant(relay: Relay, name: str, *, credential: str = "", more: str = "") -> Iterator[Tenant]:
    """Have an account with a domain of its name; `credential` is added to its key, `more` to its file."""
    key = secrets.generate_key()
    file = relay.accounts_dir / f"{name}.yaml"
    file.write_text(
        f"account: {name}\ndialect: sparkpost\n"
        f'credentials: {{main: {{key: "{secrets.hash_key(key)}"{credential}}}}}\n'
        + (more or f"domains: {{{name}.example: {{verified: true}}}}\n")
    )
    try:
        time.sleep(NOTICED)
        yield Tenant(relay, name, key)
    finally:
        file.unlink()
