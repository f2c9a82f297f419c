"""What all checks look at. Each part is read once, when the first check asks for it.

A part that cannot be read raises for every check that needs it, and is told once.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from estafeta_core.config.accounts import Account
from estafeta_core.config.document import Document
from estafeta_core.config.load import load_config, read_accounts
from estafeta_core.config.schema import Config


@dataclass(frozen=True)
class Setup:
    """One configuration, with everything that it leads to on this host."""

    path: Path  # estafeta.yaml

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
        return list(read_accounts(self.config.accounts_dir, self.config.ip_pools))
