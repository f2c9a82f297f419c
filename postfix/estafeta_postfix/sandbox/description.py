"""What is running in a sandbox: one JSON object for programs, a page for people.

The names in the JSON are an interface: scripts and checks read them.
"""

import contextlib
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from estafeta_core.config.load import load_accounts
from estafeta_core.config.schema import Config
from estafeta_milter.dkim.keys import KeyFileError
from estafeta_postfix import dkim_keys, ports
from estafeta_postfix.demo_accounts import DemoCredential
from estafeta_postfix.install.probes import address
from estafeta_postfix.render.listener import mechanisms
from estafeta_postfix.sandbox.layout import Layout
from estafeta_postfix.sandbox.settings import Ports, Settings

# The receipt proxy is there where it is wanted.
ROLES = ("milter", "policy", "sasl", "web", "worker", "intake", "receipt", "postfix")


@dataclass(frozen=True, slots=True)
class Published:
    """The public half of a DKIM key, which is in no DNS here; the names are those of the JSON."""

    domain: str
    selector: str
    record: str


def published(config: Config) -> list[Published]:
    """Return what DNS would have to say, so that signatures can be verified: of each verified key.

    A key that cannot be read is left out; `estafeta check` tells of it.
    """
    found = []
    for account in load_accounts(config.accounts_dir):
        for each in dkim_keys.of_account(account):
            if each.key.verified is True:
                with contextlib.suppress(KeyFileError):
                    found.append(Published(each.domain, each.key.selector, each.read().record()))
    return found


def listeners(config: Config, documented_ports: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the listeners for clients on this host, under the names of the JSON."""
    return [
        {
            "name": name,
            "dialects": list(listener.dialects),
            "documented_port": documented_ports[name],
            "host": address(listener),
            "port": listener.port,
            "tls": listener.tls,
            "mechanisms": list(mechanisms(listener)),
        }
        for name, listener in config.listeners.items()
    ]


@dataclass(frozen=True, slots=True)
class Description:
    """A running sandbox."""

    layout: Layout
    settings: Settings
    ports: Ports
    processes: dict[str, int]  # by role, as started
    credentials: list[DemoCredential]
    dkim: list[Published]

    def as_json(self) -> str:
        """Return one line."""
        return json.dumps(self._fields(), ensure_ascii=False)

    def _fields(self) -> dict[str, Any]:
        config = self.settings.config
        return {
            "dir": str(self.layout.root),
            "web": config.base_url,
            "outbox": str(self.layout.outbox),
            "outbox_web": f"http://{ports.LOOPBACK}:{self.ports.outbox}/",
            "maillog": str(config.maillog),
            "store": config.store,
            "config": str(self.layout.config),
            "accounts_dir": str(config.accounts_dir),
            "ca_file": str(self.layout.authority),
            "bounce_smtp": {"host": ports.LOOPBACK, "port": self.ports.intake},
            "processes": {role: self.processes[role] for role in ROLES if role in self.processes},
            "listeners": listeners(config, self.settings.documented_ports),
            "credentials": [asdict(credential) for credential in self.credentials],
            "dkim": [asdict(record) for record in self.dkim],
        }

    def as_text(self) -> str:
        """Return a page for a person: what is where, and a command that sends a message."""
        config = self.settings.config
        lines = ["", "Estafeta is running. Ctrl-C stops it.", ""]
        for name, listener in config.listeners.items():
            place = f"{listener.bind}:{listener.port}"
            lines.append(
                f"  SMTP   {place:22} {name}: TLS {listener.tls}, AUTH {' '.join(mechanisms(listener))}"
            )
        lines += [
            f"  web    {config.base_url}   (statistics: sign in with a password of these below)",
            f"  intake {ports.LOOPBACK}:{self.ports.intake}   (SMTP for mail that comes back)",
            f"  outbox http://{ports.LOOPBACK}:{self.ports.outbox}/   (nothing leaves this machine;",
            f"         the files: {self.layout.outbox}/new)",
            f"  log    {config.maillog}, {self.layout.logs}/",
            f"  config {self.layout.config}, {config.accounts_dir}/",
            f"  TLS    {self.layout.authority}   (what a client has to trust, or else not verify)",
            "",
        ]
        for credential in self.credentials:
            lines += [
                f"  {credential.id}: user name {credential.username}, password {credential.password}",
                f"      {credential.note}",
            ]
        return "\n".join([*lines, *self._examples(), ""])

    def _examples(self) -> list[str]:
        if not self.credentials:
            return []
        first = self.credentials[0]
        listener = next(iter(self.settings.config.listeners.values()))
        options = '{"campaign_id": "hello", "options": {"click_tracking": true, "open_tracking": true}}'
        sender = first.senders[0]
        api = f"{self.settings.config.base_url}/api/v1/events/message"
        return [
            "",
            "Send a message with swaks:",
            "",
            f"  swaks --server {listener.bind}:{listener.port} --tls --auth LOGIN \\",
            f"    --auth-user {first.username} --auth-password {first.password} \\",
            f"    --from {sender} --to somebody@example.com \\",
            f"    --h-From '{sender}' --add-header 'X-MSYS-API: {options}' \\",
            "    --add-header 'Content-Type: text/html' --body '<a href=\"https://example.com/\">hello</a>'",
            "",
            "Mail to bounce…@, defer…@, oob…@ and complaint…@, whatever the domain, is refused, put off,",
            "taken and returned, and called spam.",
            "",
            "Then:",
            "",
            f"  {Path(sys.executable).with_name('estafeta')} --config {self.layout.config} events",
            f"  curl -H 'Authorization: {first.password}' {api}",
        ]
