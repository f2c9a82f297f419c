"""Estafeta: a sandbox with an account of each dialect, its mail discarded or handed to a sink.

Of the accounts of SparkPost's dialect one signs its mail with an RSA key of 2048 bits and one does not; both,
and their credentials, have limits that are never reached, so that everything is counted.
"""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.load import Server
from bench.measure import Contender, Service
from estafeta_core import secrets
from estafeta_core.dialects import DIALECTS
from estafeta_postfix import dkim_keys
from estafeta_postfix.instance import command
from estafeta_postfix.sandbox import child

NAME, SIGNED = "Estafeta", "Estafeta, signed"
CONFIG = """\
hostname: mx.estafeta.example
base_url: http://localhost
bounce_domain: bounce.estafeta.example
signing_keys: []
listeners:
  sparkpost: {dialects: [sparkpost], port: 587, tls: starttls, mechanisms: [PLAIN, LOGIN]}
  teenvio: {dialects: [teenvio], port: 58700, tls: starttls, mechanisms: [PLAIN, LOGIN]}
  devino: {dialects: [devino], port: 588, tls: starttls, mechanisms: [PLAIN, LOGIN]}
  perfit: {dialects: [perfit], port: 2525, tls: none, mechanisms: [PLAIN, LOGIN], size_limit: 20000000}
  emitlo: {dialects: [emitlo], port: 589, tls: starttls, mechanisms: [PLAIN, LOGIN]}
"""
LIMITS = "{per_minute: 1000000000, per_day: 1000000000}"
ACCOUNT = """\
account: {name}
dialect: {dialect}
domains: {{{domain}: {{verified: true{dkim}}}}}
{senders}
limits: {limits}
credentials: {{main: {{{secret}, permissions: [send, events, skip_suppression], limits: {limits}}}}}
"""


@dataclass(frozen=True, slots=True)
class Login:
    """An account, its one credential, and the domain it sends from."""

    name: str
    dialect: str
    username: str  # "": the key
    chosen: bool = False  # the secret is a password
    signed: bool = False

    @property
    def domain(self) -> str:
        return f"{self.name}.example"


LOGINS = (
    Login("acme", "sparkpost", "SMTP_Injection"),
    Login("signed", "sparkpost", "SMTP_Injection", signed=True),
    Login("plan", "teenvio", "bench.plan", chosen=True),
    Login("website", "devino", "bench", chosen=True),
    Login("micuenta", "perfit", "apikey"),
    Login("yourdomain", "emitlo", "bench"),
)


@dataclass(frozen=True, slots=True)
class Estafeta:
    """The running sandbox."""

    said: dict[str, Any]
    secrets: dict[str, str]  # by account

    @property
    def processes(self) -> dict[str, int]:
        """The first process of each role."""
        return dict(self.said["processes"])

    @property
    def folder(self) -> Path:
        return Path(self.said["dir"])

    def server(self, account: str) -> Server:
        """Return where an account sends, and as whom."""
        login = next(each for each in LOGINS if each.name == account)
        listener = next(each for each in self.said["listeners"] if each["name"] == login.dialect)
        secret = self.secrets[account]
        return Server(listener["port"], login.username, secret, f"bench@{login.domain}")

    def contender(self, account: str, name: str) -> Contender:
        """Return the whole of it as a mail server, as one account meets it."""
        queue = self.folder / "postfix" / "queue"
        roots = tuple(set(self.processes.values()))
        queues = (queue / "incoming", queue / "active")
        return Contender(name, self.server(account), queues, roots, Path(self.said["maillog"]))

    def service(self, role: str) -> Service:
        """Return one of its daemons."""
        return Service(NAME, f"unix:{self.folder}/run/{role}.sock", (self.processes[role],))

    def configure(self, *settings: str) -> None:
        """Change main.cf and have Postfix read it."""
        config = self.folder / "postfix" / "conf"
        environment = {**os.environ, "MAIL_CONFIG": str(config)}
        subprocess.run([command("postconf"), "-c", str(config), "-e", *settings], check=True, env=environment)
        reload = [command("postfix"), "-c", str(config), "reload"]
        subprocess.run(reload, check=True, env=environment, stderr=subprocess.DEVNULL)
        time.sleep(2)


@contextmanager
def running(sink: int = 0) -> Iterator[Estafeta]:
    """Run a sandbox whose Postfix discards its mail, or hands it to 127.0.0.1, port `sink`."""
    with tempfile.TemporaryDirectory(prefix="estafeta-bench-") as name:
        folder = Path(name)
        made = _write(folder)
        config, accounts = str(folder / "estafeta.yaml"), str(folder / "accounts.d")
        with child.started(["--config", config, "--accounts", accounts]) as said:
            ours = Estafeta(said, made)
            if sink:
                ours.configure(f"relayhost=[127.0.0.1]:{sink}", "smtp_tls_security_level=none")
            else:
                ours.configure("default_transport=discard:", "relayhost=")
            yield ours


def _write(folder: Path) -> dict[str, str]:
    """Write the configuration and return the secrets by account."""
    (folder / "estafeta.yaml").write_text(CONFIG)
    (folder / "accounts.d").mkdir()
    made = {}
    for login in LOGINS:
        secret = made[login.name] = DIALECTS[login.dialect].make_key(login.name)
        hashed = secrets.hash_password(secret) if login.chosen else secrets.hash_key(secret)
        found_by = f"username: {login.username}, " if DIALECTS[login.dialect].found_by == "username" else ""
        dkim = ""
        if login.signed:
            key = folder / f"{login.name}.pem"
            key.write_bytes(dkim_keys.make("rsa"))
            dkim = f", dkim: {{default: s1, keys: {{s1: {json.dumps(str(key))}}}}}"
        validated = login.dialect in {"teenvio", "devino"}
        text = ACCOUNT.format(
            name=login.name,
            dialect=login.dialect,
            domain=login.domain,
            dkim=dkim,
            senders=f"senders: [bench@{login.domain}]" if validated else "",
            limits=LIMITS,
            secret=f'{found_by}{"password" if login.chosen else "key"}: "{hashed}"',
        )
        (folder / "accounts.d" / f"{login.name}.yaml").write_text(text)
    return made
