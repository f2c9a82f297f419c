"""Header fields in, options out: what tests of dialects ask that are steered by plain headers."""

from dataclasses import dataclass

from estafeta_core import secrets
from estafeta_core.config.accounts import Account, Defaults
from estafeta_core.config.accounts import Credential as Settings
from estafeta_core.dialects import DIALECTS
from estafeta_core.directory import Directory
from estafeta_core.headers import Header
from estafeta_core.options import Options
from estafeta_core.refusal import Refusal

KEY = secrets.hash_key(secrets.generate_key())


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads messages of one dialect's client."""

    dialect: str

    def read(self, *fields: str | bytes, defaults: Defaults | None = None) -> Options | Refusal:
        """Return what a message with these lines among its header fields asks for."""
        account = Account(
            account="acme",
            dialect=self.dialect,
            defaults=defaults or Defaults(),
            credentials={"main": Settings(key=KEY)},
        )
        headers = [Header("From", b"a@acme.example"), *map(_header, fields)]
        return DIALECTS[self.dialect].options(headers, Directory([account]).credentials()[0])

    def asked(self, *fields: str | bytes, defaults: Defaults | None = None) -> Options:
        """Return what the message asks for; it has to be taken."""
        options = self.read(*fields, defaults=defaults)
        assert isinstance(options, Options), options
        return options

    def refused(self, *fields: str | bytes) -> str:
        """Return the reply to the message; it has to be refused."""
        refusal = self.read(*fields)
        assert isinstance(refusal, Refusal), refusal
        return str(refusal)


def _header(line: str | bytes) -> Header:
    name, _, value = (line.encode() if isinstance(line, str) else line).partition(b":")
    return Header(name.decode(), value.removeprefix(b" "))
