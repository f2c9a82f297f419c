"""The SASL back end: attempts from smtpd, throttled, checked and answered in their time.

smtpd cannot even greet a client without it. So without usable configuration it still does its
handshake, and answers every AUTH by closing the connection, which Postfix makes a 454.

A wrong secret is answered late, counted from its arrival. A password is checked in a thread, and
only so many wait for one. Everything else is decided at once.

One catch-all stands in `SaslConnection.guard`: a bug costs one attempt a 454, never the daemon.
"""

import asyncio
import logging
import os
import secrets as random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import ParamSpec

from estafeta_core import metrics, secrets
from estafeta_core.config.load import Snapshot
from estafeta_core.config.schema import Auth
from estafeta_core.dialects import DIALECTS
from estafeta_core.throttle import Throttle
from estafeta_policy.authenticate import (
    Authenticated,
    Authenticator,
    Decision,
    Refused,
    Unavailable,
    Verification,
)
from estafeta_policy.connection import Connection
from estafeta_policy.journal import DELAY, Journal
from estafeta_policy.wire import ProtocolError, dovecot_auth

MAX_WAITING = 64  # password checks; at 30 ms each and two at a time the last waits for a second

log = logging.getLogger(__name__)

_P = ParamSpec("_P")


class Sasl:
    """The SASL back end's state: accounts in force, throttle, password checks under way."""

    def __init__(self, loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
        self._loop = loop
        self.authenticator: Authenticator | None = None
        self.idle = asyncio.Event()  # set while no attempt waits for a check or a delay
        self.idle.set()
        self._pending = 0
        self._connections = 0
        self._journal = journal
        self._checker = secrets.PasswordChecker()
        self._checking = 0
        self._auth = Auth()
        self._throttle = Throttle(*_throttle_settings(self._auth))
        self._executor = ThreadPoolExecutor(self._auth.password_checks, "password")

    def take(self, snapshot: Snapshot) -> None:
        """Put a configuration into force."""
        auth = snapshot.config.auth
        self._throttle.configure(*_throttle_settings(auth))
        if auth.password_checks != self._auth.password_checks:
            self._executor.shutdown(wait=False)
            self._executor = ThreadPoolExecutor(auth.password_checks, "password")
        self._auth = auth
        self.authenticator = Authenticator(
            snapshot.config, snapshot.directory, DIALECTS, self._checker, _wall_clock
        )

    def connection(self) -> "SaslConnection":
        """Return the protocol of a new connection."""
        self._connections += 1
        return SaslConnection(self, self._connections)

    def offered(self, service: str, mechanism: str) -> bool:
        """Whether the listener takes the mechanism; without accounts the attempt itself will fail."""
        return self.authenticator is None or self.authenticator.offered(service, mechanism)

    def answer(self, connection: "SaslConnection", attempt: dovecot_auth.Attempt) -> None:
        """Decide `attempt` and see to it that it is answered."""
        now = self._loop.time()
        if self.authenticator is None:
            decision: Decision | Verification = Unavailable("no usable configuration")
        elif self._throttle.blocked(attempt.client_address, now):
            decision = Unavailable("too many failures from this address")
        else:
            decision = self.authenticator.decide(attempt, now)
        if isinstance(decision, Verification):
            self._verify(connection, decision, self.authenticator, now)
            return
        if isinstance(decision, Refused) and decision.guess:
            self._throttle.begin(attempt.client_address, now)
        self._settle(connection, attempt, decision, now)

    def _verify(
        self,
        connection: "SaslConnection",
        verification: Verification,
        authenticator: Authenticator | None,
        begun: float,
    ) -> None:
        """Check a password outside the loop, where argon2 lets other threads run."""
        attempt = verification.attempt
        if authenticator is None or self._checking >= MAX_WAITING:
            self._settle(connection, attempt, Unavailable("too many password checks"), begun)
            return
        self._throttle.begin(attempt.client_address, begun)
        self._checking += 1
        self._begin()

        def conclude() -> None:
            decision = authenticator.conclude(verification, future.result(), self._loop.time())
            if not (isinstance(decision, Refused) and decision.guess):
                self._throttle.forgive(attempt.client_address)
            self._settle(connection, attempt, decision, begun)
            connection.flush()

        def finished() -> None:
            self._checking -= 1
            self._end()
            connection.guard(conclude)

        future = self._executor.submit(verification.run, self._checker)
        future.add_done_callback(lambda _: self._loop.call_soon_threadsafe(finished))

    def _settle(
        self, connection: "SaslConnection", attempt: dovecot_auth.Attempt, decision: Decision, begun: float
    ) -> None:
        """Write the answer and its line in the log; a wrong secret waits for the throttle first."""
        self.note(_line(attempt, decision), _fields(attempt, decision))
        metrics.AUTH_ATTEMPTS[_outcome(decision)].add()
        metrics.AUTH_SECONDS.observe(self._loop.time() - begun)
        if isinstance(decision, Refused) and decision.guess:
            delay = self._throttle.penalty(attempt.client_address, begun)
            self._begin()
            self._loop.call_at(begun + delay, self._refuse_late, connection, attempt, decision)
            return
        connection.answer(attempt, decision)

    def _refuse_late(
        self, connection: "SaslConnection", attempt: dovecot_auth.Attempt, decision: Decision
    ) -> None:
        self._end()
        connection.guard(connection.answer, attempt, decision)
        connection.flush()

    def _begin(self) -> None:
        self._pending += 1
        self.idle.clear()

    def _end(self) -> None:
        self._pending -= 1
        if self._pending == 0:
            self.idle.set()

    def close(self) -> None:
        """Give up the password checks that have not begun."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def note(self, line: str, fields: dict[str, str]) -> None:
        """Write `line` into the log, soon."""
        if self._journal.add(line, fields):
            self._loop.call_later(DELAY, self._journal.flush)


class SaslConnection(Connection):
    """One smtpd process."""

    def __init__(self, sasl: Sasl, number: int) -> None:
        self._sasl = sasl
        self._server = dovecot_auth.Server(os.getpid(), number, random.token_hex(16), sasl.offered)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet: smtpd waits for it before it greets its own client."""
        super().connection_made(transport)
        self.transport.write(self._server.data_to_send())

    def data_received(self, data: bytes) -> None:
        """Take what smtpd wrote."""
        self.guard(self._receive, data)

    def _receive(self, data: bytes) -> None:
        for attempt in self._server.feed(data):
            self._sasl.answer(self, attempt)
        self.flush()

    def answer(self, attempt: dovecot_auth.Attempt, decision: Decision) -> None:
        """Put the answer to `attempt` down for `flush`; the temporary one is to close the connection."""
        if isinstance(decision, Authenticated):
            self._server.accept(attempt, decision.identity)
        elif isinstance(decision, Refused):
            self._server.refuse(attempt, decision.reason, decision.who)
        else:
            self.flush()
            self.transport.close()

    def flush(self) -> None:
        """Write all answers that were put down."""
        output = self._server.data_to_send()
        if output and not self.transport.is_closing():
            self.transport.write(output)

    def guard(self, work: Callable[_P, None], *args: _P.args, **kwargs: _P.kwargs) -> None:
        """Do what is to be done for this connection; when it fails, close it and no more than that."""
        try:
            work(*args, **kwargs)
        except ProtocolError as error:
            log.warning("auth protocol: %s; connection closed", error)
            self.transport.close()
        except Exception:
            log.exception("an attempt failed; connection closed")
            self.transport.close()


def _wall_clock() -> datetime:
    return datetime.now(UTC)


def _throttle_settings(auth: Auth) -> tuple[float, float, int]:
    return auth.failure_delay, auth.failure_delay_limit, auth.failures_per_minute


def _fields(attempt: dovecot_auth.Attempt, decision: Decision) -> dict[str, str]:
    """Return who it was about and where from, for logs that have fields."""
    if isinstance(decision, Authenticated):
        return {"identity": str(decision.identity), "client": attempt.client_address}
    return {"client": attempt.client_address}


def _outcome(decision: Decision) -> str:
    """Return what a decision is counted as."""
    if isinstance(decision, Authenticated):
        return "accepted"
    return "refused" if isinstance(decision, Refused) else "temporary"


def _line(attempt: dovecot_auth.Attempt, decision: Decision) -> str:
    """Return the log's line for an attempt; it never holds the secret."""
    where = (
        f"[{attempt.client_address}] at {attempt.service},"
        f" {attempt.mechanism}{' under TLS' if attempt.secured else ''}"
    )
    if isinstance(decision, Authenticated):
        return f"{decision.identity}{where}: logged in"
    if isinstance(decision, Refused):
        return f"{decision.who or 'unknown'}{where}: refused: {decision.reason}"
    return f"unknown{where}: answered as temporary: {decision.why}"
