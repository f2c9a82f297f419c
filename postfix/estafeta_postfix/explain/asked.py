"""What `estafeta explain` is asked: the client, its envelope and its message."""

import ipaddress
from dataclasses import dataclass

from estafeta_core.config.schema import Config
from estafeta_core.directory import Credential
from estafeta_core.identity import Identity

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Asked:
    """A message, and how a client would send it."""

    identity: Identity
    listener: str  # one of the configuration's, which speaks the account's dialect
    client_address: str
    secured: bool  # whether the session is under TLS
    sender: str  # MAIL FROM without angle brackets; "" is the null sender
    recipients: tuple[str, ...]  # RCPT TO without angle brackets, in order
    raw: bytes  # the message as it stands in its file


def listener_of(config: Config, dialect: str) -> str | None:
    """Return the first listener that speaks `dialect` and is not on its way out; None: none speaks it."""
    speaking = [name for name, listener in config.listeners.items() if dialect in listener.dialects]
    current = (name for name in speaking if not config.listeners[name].deprecated)
    return next(current, next(iter(speaking), None))


def address_of(credential: Credential) -> str:
    """Return an address that the credential may be used from: the first of its networks, else loopback."""
    if not credential.allow_from:
        return LOOPBACK
    if any(ipaddress.ip_address(LOOPBACK) in network for network in credential.allow_from):
        return LOOPBACK
    return str(credential.allow_from[0].network_address)
