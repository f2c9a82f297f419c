"""The files of a sandbox, all below one folder."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """The names of everything in the folder `root`, which is absolute."""

    root: Path

    @property
    def lock(self) -> Path:
        """Held while the sandbox runs; tells that the folder is a sandbox's."""
        return self.root / "sandbox.lock"

    @property
    def config(self) -> Path:
        """estafeta.yaml."""
        return self.root / "estafeta.yaml"

    @property
    def accounts(self) -> Path:
        """The demo accounts."""
        return self.root / "accounts.d"

    @property
    def signing_key(self) -> Path:
        """Signs links."""
        return self.root / "keys" / "link.key"

    @property
    def dkim_keys(self) -> Path:
        """The DKIM keys of the demo accounts."""
        return self.root / "keys" / "dkim"

    @property
    def tls_chain(self) -> Path:
        """Private key and certificate of the SMTP listeners."""
        return self.root / "keys" / "tls.pem"

    @property
    def authority(self) -> Path:
        """What clients trust."""
        return self.root / "ca.pem"

    @property
    def sockets(self) -> Path:
        """Short on purpose: a socket's path may have 107 bytes."""
        return self.root / "run"

    @property
    def state(self) -> Path:
        """The store, and the mail kept for postmaster and abuse."""
        return self.root / "state"

    @property
    def store(self) -> Path:
        """The SQLite store."""
        return self.state / "estafeta.db"

    @property
    def postfix(self) -> Path:
        """The Postfix instance: configuration, queue, data."""
        return self.root / "postfix"

    @property
    def queue(self) -> Path:
        """The queue of that instance, as `Place.queue_directory` says."""
        return self.postfix / "queue"

    @property
    def maillog(self) -> Path:
        """What Postfix logs."""
        return self.root / "mail.log"

    @property
    def logs(self) -> Path:
        """What the daemons log, a file for each."""
        return self.root / "log"

    @property
    def outbox(self) -> Path:
        """A Maildir: what would have left this host."""
        return self.root / "outbox"
