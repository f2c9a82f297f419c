"""Who asks, and whether he may: an account's own people and programs.

    Authorization: KEY                  an API key, as SparkPost's clients send it
    Authorization: Bearer KEY
    Authorization: Basic USER:SECRET    a user name with its key or password; an API key alone as USER

What speaks at AUTH speaks here as well: a credential suspended, revoked or expired, or used from outside
its networks, opens nothing. Nobody learns which of these it was, and another account's things are not there
for him. A generated key is found in microseconds. A password costs 30 ms and can be guessed, so its checks
have threads of their own and wrong ones are counted for each address (`throttle`).

`X-MSYS-SUBACCOUNT: 123` narrows an account to that subaccount, `0` to what is no subaccount's.
"""

import asyncio
import base64
import binascii
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from estafeta_core import secrets
from estafeta_core.config.accounts import Permission
from estafeta_core.config.load import Snapshot
from estafeta_core.dialects import DIALECTS
from estafeta_core.directory import Credential
from estafeta_core.rules import allowed_address, credential_active
from estafeta_core.throttle import Throttle

SUBACCOUNT = "x-msys-subaccount"


class Unknown(Exception):  # noqa: N818 - it names who asks, not a mistake
    """Nobody who may be answered."""


class Forbidden(Exception):  # noqa: N818 - likewise
    """Somebody we know, who may do other things."""


class TooManyGuesses(Exception):  # noqa: N818 - likewise
    """So many wrong passwords came from this address that no further one is checked now."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and of what."""

    credential: Credential
    subaccount: str | None = None  # None: of the account with all subaccounts; "": of what is no subaccount's

    @property
    def account(self) -> str:
        """The name of the account: nothing of any other is ever shown."""
        return self.credential.account.account

    def narrowed(self, subaccount: str | None) -> "Caller":
        """Return the caller as X-MSYS-SUBACCOUNT has it; Forbidden for a subaccount that is not there."""
        if subaccount is None:
            return self
        name = subaccount.strip()
        if name == "0":
            return replace(self, subaccount="")
        if name not in self.credential.account.subaccounts:
            raise Forbidden
        return replace(self, subaccount=name)


class Access:
    """The credentials of one reload, and what is known of those who guess."""

    def __init__(self, snapshot: Snapshot) -> None:
        auth = snapshot.config.auth
        self._snapshot = snapshot
        self._checker = secrets.PasswordChecker()
        self._threads = ThreadPoolExecutor(auth.password_checks, thread_name_prefix="password")
        self._throttle = Throttle(auth.failure_delay, auth.failure_delay_limit, auth.failures_per_minute)

    def take(self, snapshot: Snapshot) -> None:
        """Go on with another configuration."""
        auth = snapshot.config.auth
        self._throttle.configure(auth.failure_delay, auth.failure_delay_limit, auth.failures_per_minute)
        self._snapshot = snapshot

    async def authorized(
        self, authorization: str, permission: Permission, address: str, subaccount: str | None = None
    ) -> Caller:
        """Return who sends this `Authorization` from `address`; Unknown, Forbidden or TooManyGuesses."""
        username, secret = _read(authorization)
        credential = await self.identified(username, secret, address)
        return self.permitted(credential, permission, address).narrowed(subaccount)

    async def identified(self, username: str, secret: str, address: str) -> Credential:
        """Return whose secret this is; `username` may be "" for a key. Unknown, or TooManyGuesses."""
        directory = self._snapshot.directory
        for credential in directory.by_any_key(secret):
            dialect = DIALECTS[credential.account.dialect]
            if not username or dialect.found_by == "key" or credential.settings.username == username:
                return credential
        return await self._with_password(username, secret, address)

    async def _with_password(self, username: str, secret: str, address: str) -> Credential:
        if not username:
            raise Unknown
        now = time.monotonic()
        if self._throttle.blocked(address, now):
            raise TooManyGuesses
        self._throttle.begin(address, now)
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, self._checked, username, secret)
        if found is None:
            await asyncio.sleep(self._throttle.penalty(address, now) - (time.monotonic() - now))
            raise Unknown
        self._throttle.forgive(address)
        return found

    def _checked(self, username: str, secret: str) -> Credential | None:
        """Return the credential whose password it is; takes as long for a user name that is not there."""
        named = self._snapshot.directory.by_any_username(username)
        with_password = [each for each in named if each.settings.password]
        for credential in with_password:
            if self._checker.check(credential.id, credential.settings.password, secret):
                return credential
        if not with_password:
            self._checker.refuse_unknown(secret)
        return None

    def credential(self, account: str, name: str) -> Credential | None:
        """Return the credential of this name, if it is still there."""
        return self._snapshot.directory.by_id(account, name)

    def permitted(self, credential: Credential, permission: Permission, address: str) -> Caller:
        """Return the caller whose credential this is; Unknown where it is not in force, or Forbidden."""
        now = datetime.now(UTC)
        if credential_active.check(credential, None, now) or allowed_address.check(credential, address):
            raise Unknown
        if permission not in credential.permissions:
            raise Forbidden
        return Caller(credential)


def _read(authorization: str) -> tuple[str, str]:
    """Return user name and secret; the name is "" for a key alone. Unknown where there is none."""
    scheme, _, rest = authorization.strip().partition(" ")
    if not rest:
        if not scheme:
            raise Unknown
        return "", scheme
    if scheme.lower() == "bearer":
        return "", rest.strip()
    if scheme.lower() != "basic":
        raise Unknown
    try:
        username, _, secret = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise Unknown from None
    return (username, secret) if secret else ("", username)
