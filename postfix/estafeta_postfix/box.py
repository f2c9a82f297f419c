"""What a box for trying Estafeta has beyond another mail server: accounts, a certificate, a description.

    python -m estafeta_postfix.box ESTAFETA_YAML FOLDER OUTBOX

writes the account files of every dialect into `accounts_dir`, and into FOLDER

    dkim/          their DKIM keys
    ca.pem         what clients trust
    tls.pem        key and certificate of the listeners (smtpd_tls_chain_files)
    running.json   what `estafeta demo --running` reads, as a sandbox describes itself

What is there stays, but for the account files. Everything is root's: whoever runs it lets the daemons read.

A password is the credential's id with a `-` in it, `plan-usuario` for plan/usuario; a key, which has to be
long, says that everybody knows it: `acme-main-everybody-knows-this-key-of-the-box`. They can be copied from a
page of the documents: a box is reached from its host alone and sends no mail to anybody.
"""

import contextlib
import datetime
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from estafeta_core.config.load import load_config
from estafeta_core.config.schema import Config
from estafeta_core.store import open_store
from estafeta_postfix import certificate, demo_accounts
from estafeta_postfix.demo_accounts import DemoCredential
from estafeta_postfix.files import write_bytes, write_text
from estafeta_postfix.sandbox.description import listeners

# The box itself, and its host, which is on the private network between them (RFC 1918, RFC 4193).
HERE = (*demo_accounts.LOOPBACK_NETWORKS, "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
KNOWN = "-everybody-knows-this-key-of-the-box"  # long enough for secrets.MIN_KEY_LENGTH


def known_secret(demo: demo_accounts.Demo, login: demo_accounts.Login) -> str:
    """Return the password or key of a demo credential of a box, which everybody knows."""
    return f"{demo.account}-{login.name}{'' if login.chosen else KNOWN}"


def prepare(path: Path, folder: Path, outbox: Path) -> None:
    """Write everything; ConfigError where the configuration at `path` cannot be used."""
    config = load_config(path)
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    demos = (*demo_accounts.DEMOS, *demo_accounts.OTHERS)
    credentials = demo_accounts.write(
        config.accounts_dir, folder / "dkim", demos, secret=known_secret, here=HERE
    )
    with contextlib.closing(open_store(config.store)) as store:
        store.record(demo_accounts.suppressions())
    if not (folder / "tls.pem").exists():
        made = certificate.make(config.hostname, datetime.datetime.now(datetime.UTC))
        write_bytes(folder / "ca.pem", made.authority, mode=0o644)
        write_bytes(folder / "tls.pem", made.chain, mode=0o600)
    described = description(path, config, folder / "ca.pem", outbox, credentials)
    write_text(folder / "running.json", json.dumps(described, ensure_ascii=False) + "\n", mode=0o644)


def description(
    path: Path, config: Config, authority: Path, outbox: Path, credentials: Sequence[DemoCredential]
) -> dict[str, Any]:
    """Return what a sandbox would say of itself, for programs that run in the box."""
    return {
        "web": config.base_url,
        "outbox": str(outbox),
        "maillog": str(config.maillog),
        "store": config.store,
        "config": str(path),
        "accounts_dir": str(config.accounts_dir),
        "ca_file": str(authority),
        "listeners": listeners(config, {name: each.port for name, each in config.listeners.items()}),
        "credentials": [asdict(credential) for credential in credentials],
    }


if __name__ == "__main__":
    prepare(*map(Path, sys.argv[1:]))
