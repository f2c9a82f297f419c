"""The policy delegation server: a request from smtpd or the milter, judged and answered at once.

One catch-all stands in `Policy.answer`: a bug defers one recipient (451), and never lets it pass.
"""

import asyncio
import logging
from datetime import UTC, datetime

from estafeta_core import logs, metrics
from estafeta_core.config.load import Snapshot
from estafeta_core.tickets import FIELD, Ticket, Tickets
from estafeta_policy.connection import Connection
from estafeta_policy.journal import DELAY, Journal
from estafeta_policy.judge import Connections, Judge, UndecidableError
from estafeta_policy.limits import Counters
from estafeta_policy.wire import ProtocolError, delegation

log = logging.getLogger(__name__)

_PASSED, _LIMITED, _REFUSED, _DEFERRED = (
    metrics.POLICY_QUESTIONS[outcome] for outcome in ("passed", "limited", "refused", "deferred")
)


class Policy:
    """The policy daemon's state: accounts in force, counters, connections of clients."""

    def __init__(self, loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
        self._loop = loop
        self.idle = asyncio.Event()
        self.idle.set()  # for good: every request is answered before the next event of the loop
        self._judge: Judge | None = None
        self._tickets = Tickets(())
        self._journal = journal
        self._counters = Counters()
        self._connections = Connections()

    def take(self, snapshot: Snapshot) -> None:
        """Put a configuration into force; what has been counted stays counted."""
        if any(listener.receipt for listener in snapshot.config.listeners.values()):
            self._tickets = Tickets.from_config(snapshot.config)
        self._judge = Judge(
            snapshot.config, snapshot.directory, self._counters, self._connections, lambda: datetime.now(UTC)
        )

    def connection(self) -> "PolicyConnection":
        """Return the protocol of a new connection."""
        return PolicyConnection(self)

    def close(self) -> None:
        """Nothing is left to give up."""

    def answer(self, request: delegation.Request) -> bytes:
        """Return the reply to `request`; a fault of ours defers the mail."""
        try:
            if self._judge is None:
                raise UndecidableError("no usable configuration")
            decision = self._judge.decide(request, self._loop.time())
            if isinstance(decision, Ticket):
                _PASSED.add()
                return delegation.prepend(FIELD, self._tickets.write(decision))
        except UndecidableError as error:
            log.error("%s: %s; deferred", _name(request), error, extra=_about(request))
            _DEFERRED.add()
            return delegation.DEFER
        except Exception:
            log.exception("%s: decision failed; deferred", _name(request), extra=_about(request))
            _DEFERRED.add()
            return delegation.DEFER
        if decision is None:
            _PASSED.add()
            return delegation.DUNNO
        (_LIMITED if decision.code < 500 else _REFUSED).add()
        if self._journal.add(
            f"{_name(request)}: refused: {decision}; {request.sasl_username or 'nobody'}"
            f"[{request.client_address}] at {request.policy_context},"
            f" from=<{request.sender}> {_whom(request)}",
            _about(request),
        ):
            self._loop.call_later(DELAY, self._journal.flush)
        return delegation.refuse(decision)


class PolicyConnection(Connection):
    """One smtpd process."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._parser = delegation.Parser()

    def data_received(self, data: bytes) -> None:
        """Answer what smtpd asks."""
        try:
            requests = self._parser.feed(data)
        except ProtocolError as error:
            log.warning("policy delegation: %s; connection closed", error)
            self.transport.close()
            return
        if requests:
            self.transport.write(b"".join(map(self._policy.answer, requests)))


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
