"""The policy delegation server: a request from smtpd or the milter, judged and answered at once.

Where hosts share their limits, a request that limits apply to is answered when the shared counters have, or
are away; no other request waits for it.

One catch-all stands in `Policy._guarded`: a bug defers one recipient (451), and never lets it pass.
"""

import asyncio
import importlib
import logging
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from estafeta_core import logs, metrics
from estafeta_core.board import Number
from estafeta_core.config.load import Snapshot
from estafeta_core.config.schema import SharedLimits
from estafeta_core.refusal import UNCOUNTED, Refusal
from estafeta_core.tickets import FIELD, Ticket, Tickets
from estafeta_policy.connection import Connection
from estafeta_policy.journal import DELAY, Journal
from estafeta_policy.judge import Connections, Counting, Judge, UndecidableError
from estafeta_policy.limits import AwayError, Counters, Exceeded, shares
from estafeta_policy.wire import ProtocolError, delegation

if TYPE_CHECKING:  # what it needs is an extra: it is loaded where there is something to share
    from estafeta_policy.shared_limits import SharedCounters

log = logging.getLogger(__name__)

_PASSED, _LIMITED, _REFUSED, _DEFERRED = (
    metrics.POLICY_QUESTIONS[outcome] for outcome in ("passed", "limited", "refused", "deferred")
)


class Policy:
    """The policy daemon's state: accounts in force, counters, connections of clients."""

    def __init__(self, loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
        self._loop = loop
        self.idle = asyncio.Event()
        self.idle.set()  # without shared counters for good: requests are answered before the next event
        self._judge: Judge | None = None
        self._tickets = Tickets(())
        self._journal = journal
        self._counters = Counters()
        self._connections = Connections()
        self._limits = SharedLimits()
        self._shared: SharedCounters | None = None
        self._pending = 0  # requests that the shared counters have not answered

    def take(self, snapshot: Snapshot) -> None:
        """Put a configuration into force; what has been counted stays counted."""
        if any(listener.receipt for listener in snapshot.config.listeners.values()):
            self._tickets = Tickets.from_config(snapshot.config)
        if snapshot.config.limits != self._limits:
            self._share(snapshot.config.limits)
        self._judge = Judge(
            snapshot.config, snapshot.directory, self._counters, self._connections, lambda: datetime.now(UTC)
        )

    def _share(self, limits: SharedLimits) -> None:
        """Count where `limits` says from now on."""
        self.close()
        self._limits = limits
        self._shared = None
        if limits.store:
            shared_limits = importlib.import_module("estafeta_policy.shared_limits")
            self._shared = shared_limits.SharedCounters(self._loop, limits)

    def connection(self) -> "PolicyConnection":
        """Return the protocol of a new connection."""
        return PolicyConnection(self)

    def close(self) -> None:
        """Ask nobody any more."""
        if self._shared is not None:
            self._shared.close()

    def answer(self, request: delegation.Request, later: Callable[[bytes], None]) -> bytes | None:
        """Return the reply to `request`; None when `later` will be called with it, once."""
        return self._guarded(request, lambda: self._answer(request, later))

    def _answer(self, request: delegation.Request, later: Callable[[bytes], None]) -> bytes | None:
        if self._judge is None:
            raise UndecidableError("no usable configuration")
        now = self._loop.time()
        if self._shared is None:
            return self._reply(request, self._judge.decide(request, now))
        decision = self._judge.ask(request, now)
        if not isinstance(decision, Counting):
            return self._reply(request, decision)
        if self._shared.away:
            return self._reply(request, self._alone(decision))

        def counted(outcome: Exceeded | AwayError | None) -> None:
            reply = self._guarded(request, lambda: self._counted(request, decision, outcome))
            self._pending -= 1
            if not self._pending:
                self.idle.set()
            later(reply or delegation.DEFER)

        self._pending += 1
        self.idle.clear()
        self._shared.take(decision.bounds, decision.number, counted)
        return None

    def _counted(
        self, request: delegation.Request, counting: Counting, outcome: Exceeded | AwayError | None
    ) -> bytes:
        """Return the reply when the shared counters have answered, or have not."""
        if isinstance(outcome, AwayError):
            return self._reply(request, self._alone(counting))
        return self._reply(request, counting.answer(outcome))

    def _alone(self, counting: Counting) -> Refusal | Ticket | None:
        """Decide without the shared counters, as the settings say."""
        metrics.LIMITS_AWAY[self._limits.away].add()
        if self._limits.away == "defer":
            return UNCOUNTED
        own = shares(counting.bounds, self._limits.hosts)
        return counting.answer(self._counters.take(own, self._loop.time(), counting.number))

    def _guarded(self, request: delegation.Request, work: Callable[[], bytes | None]) -> bytes | None:
        """Return what `work` does; a fault of ours defers the mail."""
        try:
            return work()
        except UndecidableError as error:
            log.error("%s: %s; deferred", _name(request), error, extra=_about(request))
        except Exception:
            log.exception("%s: decision failed; deferred", _name(request), extra=_about(request))
        _DEFERRED.add()
        return delegation.DEFER

    def _reply(self, request: delegation.Request, decision: Refusal | Ticket | None) -> bytes:
        if decision is None:
            _PASSED.add()
            return delegation.DUNNO
        if isinstance(decision, Ticket):
            _PASSED.add()
            return delegation.prepend(FIELD, self._tickets.write(decision))
        _outcome(decision).add()
        if self._journal.add(
            f"{_name(request)}: refused: {decision}; {request.sasl_username or 'nobody'}"
            f"[{request.client_address}] at {request.policy_context},"
            f" from=<{request.sender}> {_whom(request)}",
            _about(request),
        ):
            self._loop.call_later(DELAY, self._journal.flush)
        return delegation.refuse(decision)


class PolicyConnection(Connection):
    """One smtpd process; it is answered in the order in which it asks."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._parser = delegation.Parser()
        self._asked: deque[delegation.Request] = deque()
        self._waiting = False  # for the shared counters

    def data_received(self, data: bytes) -> None:
        """Answer what smtpd asks."""
        try:
            self._asked.extend(self._parser.feed(data))
        except ProtocolError as error:
            log.warning("policy delegation: %s; connection closed", error)
            self.transport.close()
            return
        if self._waiting:  # smtpd waits for its answer; whoever does not is read no further
            self.transport.pause_reading()
        else:
            self._answer()

    def _answer(self) -> None:
        """Answer all requests, or those before one that is answered later."""
        answers = []
        while self._asked and not self._waiting:
            answer = self._policy.answer(self._asked.popleft(), self._later)
            if answer is None:
                self._waiting = True
            else:
                answers.append(answer)
        if answers:
            self.transport.write(b"".join(answers))

    def _later(self, answer: bytes) -> None:
        self._waiting = False
        if self.transport.is_closing():
            return
        self.transport.write(answer)
        self.transport.resume_reading()
        self._answer()


def _outcome(refusal: Refusal) -> Number:
    """Return what a refusal is counted as."""
    if refusal is UNCOUNTED:
        return _DEFERRED
    return _LIMITED if refusal.code < 500 else _REFUSED


def _about(request: delegation.Request) -> dict[str, str]:
    """Return what a line is about, for logs that have fields."""
    return {
        "queue_id": request.queue_id,
        "identity": request.sasl_username,
        "client": request.client_address,
    }


def _whom(request: delegation.Request) -> str:
    """Return who was refused: the recipient, or of a whole message how many."""
    return f"nrcpt={request.recipient_count}" if request.recipients_counted else f"to=<{request.recipient}>"


def _name(request: delegation.Request) -> str:
    return logs.escape(request.queue_id or request.instance or "NOQUEUE")
