"""The decision at AUTH: an attempt and the accounts in force -> who it is, or why not.

A listener may serve several dialects. Each reads the user name in its own form; the secret then
finds the credential (generated keys) or is checked against the one that the user name finds.
Only when the secret was right do the other rules speak (status, TLS, address, permission), so
a stranger learns nothing about an account, and everything a stranger can get wrong has one reason.

A generated key costs microseconds and is decided at once. A chosen password costs 30 ms: the
decision is then a `Verification`, which the caller runs outside its event loop and brings back to
`conclude`. Where a listener has passwords at all, every wrong attempt costs one such check, so
time tells nothing either; the answer's time tells nothing because failures wait for the
throttle's delay, counted from their arrival.

Nothing here raises for what a client sends.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from estafeta_core import secrets
from estafeta_core.config.schema import Config, Listener
from estafeta_core.dialects.base import Dialect
from estafeta_core.directory import Credential, Directory
from estafeta_core.identity import Identity
from estafeta_core.rules import standing
from estafeta_policy.held import Held
from estafeta_policy.wire.dovecot_auth import Attempt


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The secret was right and no rule objects."""

    identity: str  # account/credential[/subaccount]


@dataclass(frozen=True, slots=True)
class Refused:
    """No; `reason` is shown to the client."""

    reason: str
    who: str  # what the log may show: an identity, a user name of the right form, or nothing
    guess: bool  # whether the secret was wrong, so that the throttle counts it


@dataclass(frozen=True, slots=True)
class Unavailable:
    """We cannot tell, through no fault of the client; `why` is for the log."""

    why: str


Decision = Authenticated | Refused | Unavailable


@dataclass(frozen=True, slots=True)
class Candidate:
    """A credential that the user name found and whose password is still to be checked."""

    credential: Credential
    subaccount: str | None


@dataclass(frozen=True, slots=True)
class Verification:
    """Password checks to run; one at least, whoever is asked for."""

    attempt: Attempt
    candidates: tuple[Candidate, ...]
    failure: Refused

    def run(self, checker: secrets.PasswordChecker) -> Candidate | None:
        """Return the candidate whose password it is; takes about 30 ms for each."""
        secret = self.attempt.credentials.secret
        for candidate in self.candidates:
            credential = candidate.credential
            if checker.check(credential.id, credential.settings.password, secret):
                return candidate
        if not self.candidates:
            checker.refuse_unknown(secret)
        return None


@dataclass(frozen=True, slots=True)
class _Service:
    """A listener, with what depends on it alone."""

    dialects: tuple[Dialect, ...]
    mechanisms: frozenset[str]
    has_passwords: bool


class Authenticator:
    """The accounts and listeners of one reload."""

    def __init__(
        self,
        config: Config,
        directory: Directory,
        dialects: Mapping[str, Dialect],
        checker: secrets.PasswordChecker,
        wall_clock: Callable[[], datetime],
    ) -> None:
        self._directory = directory
        self._wall_clock = wall_clock
        self._admissions: Held[Authenticated | Refused] = Held()
        self._checker = checker
        with_passwords = {
            credential.account.dialect
            for credential in directory.credentials()
            if credential.settings.password
        }
        self._services = {
            name: _service(listener, dialects, with_passwords) for name, listener in config.listeners.items()
        }

    def offered(self, service: str, mechanism: str) -> bool:
        """Whether this listener takes `mechanism`; of an unknown one `decide` speaks later."""
        known = self._services.get(service)
        return known is None or mechanism in known.mechanisms

    def decide(self, attempt: Attempt, now: float) -> Decision | Verification:
        """Return the decision, or the password check that it needs; `now` is of a monotonic clock."""
        service = self._services.get(attempt.service)
        if service is None:
            return Unavailable(f"no listener {attempt.service!r} in the configuration")
        username, secret = attempt.credentials.username, attempt.credentials.secret
        speaking: Dialect | None = None
        slow: list[Candidate] = []
        for dialect in service.dialects:
            read = dialect.parse_username(username)
            if read is None:
                continue
            speaking = speaking or dialect
            if dialect.found_by == "key":
                credential = self._directory.by_key(dialect.name, secret)
                right = credential is not None
            else:
                credential = self._directory.by_username(dialect.name, read.username)
                right = credential is not None and self._right_at_once(credential, secret)
            if credential is not None and right:
                return self._admit(credential, read.subaccount, attempt, now)
            if credential is not None and credential.settings.password:
                slow.append(Candidate(credential, read.subaccount))
        shown = speaking is not None and not self._may_be_secret(service, username)
        who = username if shown else ""
        failure = Refused((speaking or service.dialects[0]).login_refused, who, guess=True)
        return Verification(attempt, tuple(slow), failure) if service.has_passwords else failure

    def conclude(self, verification: Verification, found: Candidate | None, now: float) -> Decision:
        """Return the decision after `verification` has run and found a candidate or none."""
        if found is None:
            return verification.failure
        return self._admit(found.credential, found.subaccount, verification.attempt, now)

    def _may_be_secret(self, service: _Service, username: str) -> bool:
        """Whether somebody has typed a key where the user name belongs, or is told to."""
        return any(
            dialect.username_secret or self._directory.by_key(dialect.name, username)
            for dialect in service.dialects
        )

    def _right_at_once(self, credential: Credential, secret: str) -> bool:
        """Whether `secret` is the key of a credential, or a password that was checked lately."""
        stored = credential.settings
        if stored.key:
            return hmac.compare_digest(secrets.stored_digest(stored.key), secrets.key_digest(secret))
        return self._checker.remembered(credential.id, stored.password, secret)

    def _admit(
        self, credential: Credential, subaccount: str | None, attempt: Attempt, now: float
    ) -> Authenticated | Refused:
        """Ask every other rule about an identity that has proved itself."""
        key = (
            credential.account.account,
            credential.name,
            subaccount,
            attempt.client_address,
            attempt.secured,
        )
        return self._admissions.get(key, now) or self._admissions.put(
            key, self._ask(credential, subaccount, attempt), now
        )

    def _ask(
        self, credential: Credential, subaccount: str | None, attempt: Attempt
    ) -> Authenticated | Refused:
        identity = str(Identity(credential.account.account, credential.name, subaccount))
        refusal = standing.check(
            credential,
            subaccount,
            client_address=attempt.client_address,
            secured=attempt.secured,
            now=self._wall_clock(),
        )
        if refusal is not None:
            return Refused(refusal.text, identity, guess=False)
        return Authenticated(identity)


def _service(listener: Listener, dialects: Mapping[str, Dialect], with_passwords: set[str]) -> _Service:
    """Return `listener` ready to be asked; without mechanisms of its own it takes those of its dialects."""
    spoken = tuple(dialects[name] for name in listener.dialects)
    documented = [mechanism for dialect in spoken for mechanism in dialect.mechanisms]
    return _Service(
        dialects=spoken,
        mechanisms=frozenset(listener.mechanisms or documented),
        has_passwords=any(dialect.name in with_passwords for dialect in spoken),
    )
