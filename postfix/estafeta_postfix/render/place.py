"""Where mail goes inside a Postfix and out of it; where a private instance lives, and what surrounds it."""

from dataclasses import dataclass
from pathlib import Path

CONF = "conf"  # beside the queue


@dataclass(frozen=True, slots=True)
class Ways:
    """What the services of any instance are told of the way ahead."""

    delivery_port: int  # on loopback: where Postfix hands over copies that differ
    relayhost: str  # where all other mail goes; "": where each recipient's domain says


@dataclass(frozen=True, slots=True)
class Place(Ways):
    """One private instance: its directories and its neighbours."""

    root: Path  # everything of the instance lies below: conf, queue, data
    intake_host: str  # where mail for bounce_domain is taken in
    intake_port: int
    tls_chain: Path  # private key, certificate and its issuers, in one PEM file
    retry_delay: int = 300  # seconds before a deferred message is tried again (Postfix's own default)

    @property
    def config_directory(self) -> Path:
        """main.cf and master.cf."""
        return self.root / CONF

    @property
    def queue_directory(self) -> Path:
        """The queue, and the sockets of Postfix's own daemons."""
        return self.root / "queue"

    @property
    def data_directory(self) -> Path:
        """What Postfix's daemons remember (TLS sessions, the lock of the master)."""
        return self.root / "data"
