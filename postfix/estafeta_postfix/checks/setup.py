"""What all checks look at. Each part is read once, when the first check asks for it.

A part that cannot be read raises for every check that needs it, and is told once.
"""

import pwd
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from estafeta_core.config.accounts import Account
from estafeta_core.config.document import Document
from estafeta_core.config.load import SQLITE, load_config, read_directory
from estafeta_core.config.schema import Config, Listener
from estafeta_postfix.checks import listening, served
from estafeta_postfix.checks.served import Served
from estafeta_postfix.install import probes
from estafeta_postfix.install.change import InstallError
from estafeta_postfix.install.parts import PartsError
from estafeta_postfix.install.records import RecordError
from estafeta_postfix.instance import InstanceError, account, mail_owner
from estafeta_postfix.ports import LOOPBACK
from estafeta_postfix.render.values import RenderError, endpoint

# What `served.read` raises where there is no instance, or it cannot be read.
UNSERVED = (InstanceError, InstallError, PartsError, RecordError, RenderError, OSError)


@dataclass(frozen=True)
class Setup:
    """One configuration, with everything that it leads to on this host."""

    path: Path  # estafeta.yaml
    directory: Path | None = None  # of Postfix's configuration; None: where it is expected

    @cached_property
    def document(self) -> Document:
        """estafeta.yaml, line by line. ConfigError."""
        return Document(self.path)

    @cached_property
    def config(self) -> Config:
        """The configuration. ConfigError."""
        return load_config(self.path)

    @cached_property
    def accounts(self) -> list[tuple[Document, Account]]:
        """Every account with its file. ConfigError."""
        return list(read_directory(self.config))

    @property
    def store(self) -> Path | None:
        """The file of the store; None where it is no file."""
        url = self.config.store
        return Path(url.removeprefix(SQLITE)) if url.startswith(SQLITE) else None

    @cached_property
    def served(self) -> Served:
        """The instance of Postfix. Raises UNSERVED."""
        return served.read(self.config, self.directory)

    @cached_property
    def installed(self) -> bool:
        """Whether an instance of Postfix has any service of ours."""
        try:
            return self.served.ours
        except UNSERVED:
            return False

    @cached_property
    def daemons_user(self) -> pwd.struct_passwd | None:
        """The user whom state_dir belongs to, as whom the daemons run; None where that cannot be known."""
        try:
            return pwd.getpwuid(self.config.state_dir.stat().st_uid)
        except (OSError, KeyError):
            return None

    @cached_property
    def broken_sockets(self) -> list[tuple[str, Path, str]]:
        """Role, path and reason of every socket that Postfix's user cannot use. InstanceError."""
        owner = account(self.served.there.values["mail_owner"]) if self.installed else mail_owner()
        found = ((role, path, probes.unusable(path, owner)) for role, path in probes.places(self.config))
        return [(role, path, why) for role, path, why in found if why]

    @cached_property
    def idle(self) -> bool:
        """Whether nothing of Estafeta runs here: Postfix has no service of ours, and no daemon answers."""
        try:
            return not self.installed and len(self.broken_sockets) == len(probes.places(self.config))
        except InstanceError:  # there is no Postfix
            return True

    @cached_property
    def listeners(self) -> dict[str, Listener]:
        """Those that Postfix should serve; none without the SASL socket: smtpd(8) ends before it greets."""
        if not self.installed or any(role == "sasl" for role, _, _ in self.broken_sockets):
            return {}
        there = {each.name for each in self.served.there.services if each.kind == "inet"}
        return {
            name: each
            for name, each in self.config.listeners.items()
            if endpoint(name, each.bind, each.port) in there
        }

    @cached_property
    def splits(self) -> bool:
        """Whether Postfix should be serving the listener of copies now."""
        name = endpoint("delivery", LOOPBACK, self.config.delivery_port)
        return self.installed and self.served.there.service(name, "inet") is not None

    @cached_property
    def silent(self) -> dict[str, tuple[str, str]]:
        """Code and reason by listener, of those that no client can log in at."""
        found = {}
        for name, each in self.listeners.items():
            if (sockets := listening.count(each.bind, each.port)) > 1:
                found[name] = (
                    "port-shared",
                    f"{sockets} sockets listen on its port, and each gets some clients",
                )
            elif why := probes.client(each):
                found[name] = ("listener", why)
        return found

    @property
    def answering(self) -> dict[str, Listener]:
        """The listeners that a client can log in at."""
        return {name: each for name, each in self.listeners.items() if name not in self.silent}
