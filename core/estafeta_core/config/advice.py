"""What can be used and should be known: mail that cannot go, settings that nobody reads, keys in clear.

`of_config` needs estafeta.yaml alone, and the daemons log what it returns. What has to do with accounts is
told by `estafeta check` only: an account whose domain waits for its verification is no news at each start.
"""

import contextlib
import ipaddress
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from estafeta_core.config.accounts import Account, DkimKey
from estafeta_core.config.dkim_checks import place
from estafeta_core.config.document import Document, KeyPath
from estafeta_core.config.schema import Config
from estafeta_core.dialects import DIALECTS
from estafeta_core.rules.dkim_key import defaults

IN_CLEAR = (
    "keys and passwords cross the network in clear here (bind it to 127.0.0.1, or set tls to starttls,"
    " required or implicit)"
)
ANYBODY = (
    "whoever reaches this listener can say that he is anybody, and it listens on every address"
    " (bind it to one that the proxy alone reaches)"
)
ALONE = "each host lets all of a limit pass, as none counts for the others (name the server in limits.store)"
IDLE = (
    "no account has one of these dialects, so nobody can log in here"
    " (make an account of one: estafeta account, or remove the listener)"
)
UNSERVED = "no listener speaks it, so nobody can log in (add it to the dialects of one)"
NO_CREDENTIAL = "there is none, so nobody can log in (made by: estafeta key create)"
NOT_HERE = "this host does not have the address, so mail of this pool waits (add it to an interface)"
UNREAD = "nobody reads them"
NO_SEND = "without send its logins over SMTP are refused (nothing to do, where that is meant)"
_UNSIGNED_MAIL = "mail that chooses no key leaves unsigned"
UNSIGNED = f"there is none: {_UNSIGNED_MAIL} (name one of the keys)"


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to know, with its place."""

    path: Path
    line: int
    key: str
    text: str
    harmless: bool = False  # often meant so, or without effect

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.key}: {self.text}"


def of_config(document: Document, config: Config) -> list[Advice]:
    """Return what in estafeta.yaml may not be meant so."""
    return [_advice(document, path, text) for path, text in _of_config(config)]


def _of_config(config: Config) -> Iterator[tuple[KeyPath, str]]:
    for name, listener in config.listeners.items():
        if listener.tls == "none" and not _is_loopback(listener.bind):
            yield ("listeners", name, "tls"), IN_CLEAR
        if listener.proxy_protocol and ipaddress.ip_address(listener.bind).is_unspecified:
            yield ("listeners", name, "proxy_protocol"), ANYBODY
    if config.limits.hosts > 1 and not config.limits.store:
        yield ("limits", "hosts"), ALONE


def of_listeners(document: Document, config: Config, dialects: frozenset[str]) -> list[Advice]:
    """Return which listeners nobody can use, where `dialects` are those of all accounts."""
    return [
        _advice(document, ("listeners", name, "dialects"), IDLE)
        for name, listener in config.listeners.items()
        if dialects.isdisjoint(listener.dialects)
    ]


def of_pools(document: Document, config: Config) -> list[Advice]:
    """Return which pools mail cannot leave from, on this host."""
    found = (
        (("ip_pools", name, key), address)
        for name, pool in config.ip_pools.items()
        for key, address in (("bind_address", pool.bind_address), ("bind_address6", pool.bind_address6))
    )
    return [_advice(document, path, NOT_HERE) for path, address in found if address and not _is_here(address)]


def of_account(document: Document, account: Account, served: frozenset[str]) -> list[Advice]:
    """Return what in an account file may not be meant so; `served` are the dialects of all listeners."""
    found = [
        *_about_login(account, served),
        *_about_senders(account),
        *_about_credentials(account),
        *_about_dkim(document, account),
    ]
    return [_advice(document, key_path, text) for key_path, text in found]


def _about_login(account: Account, served: frozenset[str]) -> Iterator[tuple[KeyPath, str]]:
    if account.dialect not in served:
        yield ("dialect",), UNSERVED
    if not account.credentials:
        yield ("credentials",), NO_CREDENTIAL


def _about_senders(account: Account) -> Iterator[tuple[KeyPath, str]]:
    """Hold what is verified to what the dialect verifies: whole domains, or single addresses."""
    name = account.dialect
    if DIALECTS[name].sender_check == "domain":
        if account.senders:
            yield ("senders",), f"{UNREAD}: {name} verifies domains (list them under domains)"
        if not _has_domain(account):
            yield ("domains",), f"none is verified: every message is refused ({name} verifies domains)"
        return
    if not account.senders:
        yield ("senders",), f"there is none: every message is refused ({name} verifies single addresses)"
    if account.domains and not _reads_domains(account):
        text = f"{UNREAD}: {name} verifies single addresses (list those under senders)"
        yield ("domains",), text


def _has_domain(account: Account) -> bool:
    """Whether there is a domain to send from, for the account or for a subaccount of it."""
    listed = (name for subaccount in account.subaccounts.values() for name in subaccount.domains)
    return any(domain.verified for domain in account.domains.values()) or any(
        name not in account.domains for name in listed
    )


def _reads_domains(account: Account) -> bool:
    """Whether domains mean something where single addresses are verified."""
    return (
        "from"
        not in DIALECTS[account.dialect].sender_fields(account)  # then From may show any address of one
        or any(domain.bounce or domain.dkim is not None for domain in account.domains.values())
        or any(credential.domains for credential in account.credentials.values())
    )


def _about_credentials(account: Account) -> Iterator[tuple[KeyPath, str]]:
    dialect = DIALECTS[account.dialect]
    for name, credential in account.credentials.items():
        if "send" not in credential.permissions:
            yield ("credentials", name, "permissions"), NO_SEND
        if credential.username and (told := dialect.username_advice(credential.username, account.account)):
            yield ("credentials", name, "username"), told


def _about_dkim(document: Document, account: Account) -> Iterator[tuple[KeyPath, str]]:
    """Say which mail leaves unsigned though there are keys."""
    for domain, settings in account.domains.items():
        dkim = settings.dkim
        if dkim is None:
            continue
        path = (*place(document, domain), "default")
        chosen = defaults(dkim)
        waiting = [
            name for name in chosen if isinstance(key := dkim.keys[name], DkimKey) and not key.verified
        ]
        if not chosen:
            yield path, UNSIGNED
        elif len(waiting) == len(chosen):
            yield path, f"{', '.join(waiting)} is not verified, so {_UNSIGNED_MAIL}"
        elif waiting:
            yield path, f"{', '.join(waiting)} is not verified and signs nothing"


def _advice(document: Document, key_path: KeyPath, text: str) -> Advice:
    line, key = document.line(key_path), ".".join(map(str, key_path))
    harmless = text == NO_SEND or text.startswith(UNREAD)
    return Advice(document.path, line, key, text, harmless)


def _is_here(address: str) -> bool:
    """Whether this host can bind to an address: it has it, or may do so without (ip_nonlocal_bind)."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as end:
        end.bind((address, 0))
        return True
    return False


def _is_loopback(bind: str) -> bool:
    address = ipaddress.ip_address(bind)
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
