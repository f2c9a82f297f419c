"""Accounts for a store: their texts, and a store that has them."""

import contextlib
import hashlib
from collections.abc import Iterable
from pathlib import Path

from estafeta_core import secrets
from estafeta_core.config.load import load_config
from estafeta_postfix.cli.account_store import Batch, writable


def key(number: int) -> str:
    """Return the key of an account."""
    return hashlib.sha256(f"account {number}".encode()).hexdigest()[:48]


def text(number: int, *, status: str = "active", more: str = "") -> str:
    """Return the text of an account, as operators write it."""
    return (
        f"# Customer {number}, since May\n"
        f"account: customer{number}\n"
        "dialect: sparkpost\n"
        "defaults: {open_tracking: true, click_tracking: true}\n"
        "domains:\n"
        f"  mail{number}.example: {{verified: true, dkim: {{keys: {{s1: {number}.pem}}, default: s1}}}}\n"
        f"  news{number}.example: {{verified: true}}\n"
        "credentials:\n"
        f'  main: {{key: "{secrets.hash_key(key(number))}", status: {status}}}\n'
        f'  reading: {{key: "{secrets.hash_key(key(-number - 1))}", permissions: [events]}}\n'
        "limits: {per_day: 100000}\n" + more
    )


def put(config: Path, texts: Iterable[str]) -> None:
    """Put accounts into the store of a configuration."""
    settings = load_config(config)
    batch = Batch(settings)
    for number, each in enumerate(texts):
        batch.add(Path(f"{number}.yaml"), each.encode())
    with writable(settings) as store:
        batch.write(store)


def make_stored(config: Path, url: str = "", *, timeout: float = 5.0) -> None:
    """Have a configuration read its accounts from its store, or from the one at `url`."""
    with contextlib.suppress(FileNotFoundError):
        lines = config.read_text().splitlines()
        kept = [line for line in lines if not (url and line.startswith("store:"))]
        said = [f"store: {url}"] if url else []
        config.write_text("\n".join([*kept, *said, "directory: store", f"store_timeout: {timeout}", ""]))
