"""Which keys sign a message: those that were decided on, of the configuration in force.

A copy may be made long after its message was decided on, and its keys may have been replaced by then. Keys
that the account file names no more, or takes for unverified, give way to the domain's defaults of now. Where
there is none either, or where a key cannot be read, the message has to wait: it was to be signed, and leaves
signed or not at all.
"""

from collections.abc import Mapping

from estafeta_core.config.accounts import Account, Dkim, DkimKey
from estafeta_core.rules.dkim_key import Signing, verified_defaults, verified_key
from estafeta_milter.dkim.keys import KEYS, KeyFileError, Keys
from estafeta_milter.dkim.signature import Signer

__all__ = ["KeyUnavailableError", "Keyring", "Signer"]


class KeyUnavailableError(Exception):
    """A message has to be signed and cannot be now; the text says why, and what to do."""


class Keyring:
    """Finds the signers of a message."""

    def __init__(self, accounts: Mapping[str, Account], keys: Keys = KEYS) -> None:
        self._accounts = accounts
        self._keys = keys

    def signers(self, account: str, signing: Signing | None) -> tuple[Signer, ...]:
        """Return what signs a message of `account`; KeyUnavailableError where that is not there."""
        if signing is None:
            return ()
        dkim = self._dkim(account, signing.domain)
        names = tuple(name for name in signing.keys if verified_key(dkim, name)) or verified_defaults(dkim)
        found = [(name, key) for name in names if (key := verified_key(dkim, name)) is not None]
        if not found:
            raise KeyUnavailableError(
                f"account {account}: no key may sign for {signing.domain} any more"
                f" (name a verified one in domains.{signing.domain}.dkim.default)"
            )
        return tuple(self._signer(account, signing.domain, name, key) for name, key in found)

    def _dkim(self, account: str, domain: str) -> Dkim | None:
        settings = self._accounts[account].domains.get(domain) if account in self._accounts else None
        return settings.dkim if settings is not None else None

    def _signer(self, account: str, domain: str, name: str, key: DkimKey) -> Signer:
        try:
            return Signer(domain, key.selector, self._keys.get(key.file))
        except KeyFileError as error:
            where = f"account {account}: domains.{domain}.dkim.keys.{name}"
            raise KeyUnavailableError(f"{where}: {error}") from None
