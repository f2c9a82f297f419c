"""The decision about a policy request: go ahead (None, or a ticket to go with), or the refusal.

Postfix asks once per RCPT TO, last of its recipient restrictions, so everything is asked there and
a request of any other state passes, but for one of the milter's. In order:

1. Somebody is logged in, and may still be used as at AUTH (a revoked key stops here).
2. The sender is an address. A recipient that is none passes, uncounted: the milter, asked next, refuses
   it in the provider's words.
3. The listener's messages per connection and recipients per message are not used up.
4. The limits of credential, account and sender domain are not used up; only now it is counted.

The first recipient that passes on a listener that gives receipts earns its message a ticket.

Lists in a message add recipients that no RCPT TO names. The milter asks about those of a message that
may go otherwise, at END-OF-MESSAGE: they are counted together, or none of them is. A message that has more
recipients than a whole window allows is refused for good, those of RCPT TO included, because each further
attempt counts these again. Of an END-OF-MESSAGE of Postfix's own every recipient has been counted.

A recipient counts when this daemon lets it pass. What a later stage refuses stays counted, as
with Postfix's own rate limits: nobody tells a policy server how a message ended.

Postfix keeps its connections to us for many clients, so a client's connection is known by its
address and port, and a message by `instance`. Both are bounded: the one seen longest ago goes first.

`Judge.decide` counts in this daemon's memory. `Judge.ask` leaves the counting to the caller, for limits that
hosts share: it returns `Counting`, which turns what the counting said into the decision.

Raises UndecidableError when the request names what the configuration does not know. The caller
answers that, as any other exception, with DEFER_IF_PERMIT.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from estafeta_core import addresses
from estafeta_core.config.accounts import Limits
from estafeta_core.config.schema import Config, Listener
from estafeta_core.dialects import DIALECTS
from estafeta_core.directory import Credential, Directory
from estafeta_core.identity import Identity
from estafeta_core.refusal import Refusal
from estafeta_core.rules import recipient_syntax, sender_syntax, standing
from estafeta_core.tickets import Ticket
from estafeta_policy.held import Held
from estafeta_policy.limits import Bound, Counters, Exceeded, bounds, never
from estafeta_policy.wire.delegation import Request

TOO_MANY_RECIPIENTS = Refusal(452, "4.5.3", "Too many recipients")  # RFC 5321 section 4.5.3.1.10
TOO_MANY_MESSAGES = Refusal(421, "4.7.0", "Too many messages in this connection, reconnect")

MAX_CONNECTIONS = 20_000  # Postfix serves 100 clients a listener unless told otherwise
NUMBER_DIGITS = 9  # of a number of recipients: a message has thousands at most
MAX_SENDERS = 1_000  # remembered for each identity; an application has few


class UndecidableError(Exception):
    """The request cannot be judged with the configuration in force."""


class _Client:
    """One client connection, as far as it has come."""

    __slots__ = ("instance", "messages", "recipients", "seen")

    def __init__(self) -> None:
        self.instance = ""
        self.messages = 0  # begun in this connection
        self.recipients = 0  # of the current message
        self.seen = 0.0

    def refusal(self, listener: Listener) -> Refusal | None:
        """Return the refusal when one more recipient, or the message it begins, is too many."""
        if 0 < listener.messages_per_connection < self.messages:
            return TOO_MANY_MESSAGES
        return TOO_MANY_RECIPIENTS if self.recipients >= listener.recipients_per_message else None


class Connections:
    """How many messages each client connection began, and how many recipients its current one has."""

    def __init__(self) -> None:
        self._clients: OrderedDict[tuple[str, str], _Client] = OrderedDict()

    def current(self, request: Request, listener: Listener, now: float) -> _Client:
        """Return the connection of `request`, at the message that it is about."""
        if not request.instance:  # then there is nothing to know a message by, and nothing to count
            return _Client()
        key = (request.client_address, request.client_port)
        client = self._clients.get(key)
        if client is None or now - client.seen > listener.idle_timeout:
            # Postfix closes what is idle so long: this is another connection with the same port.
            client = self._clients[key] = _Client()
            if len(self._clients) > MAX_CONNECTIONS:
                self._clients.popitem(last=False)
        self._clients.move_to_end(key)
        client.seen = now
        if client.instance != request.instance:
            client.instance = request.instance
            client.messages += 1
            client.recipients = 0
        return client

    def __len__(self) -> int:
        return len(self._clients)


@dataclass(frozen=True, slots=True)
class Counting:
    """What is to be counted, and the decision when it passes."""

    bounds: tuple[Bound, ...]
    number: int  # of recipients
    passed: Callable[[], Ticket | None]

    def answer(self, exceeded: Exceeded | None) -> Refusal | Ticket | None:
        """Return the decision; `exceeded` is the bound that has not so many left, if any."""
        return exceeded.refusal() if exceeded else self.passed()


@dataclass(frozen=True, slots=True)
class _Standing:
    """What holds for an identity at an address, for a moment."""

    refusal: Refusal | None
    bounds: tuple[Bound, ...]  # of the credential and its account
    account: str
    domain_limits: Limits | None  # None: they bound nothing
    by_sender: dict[str, tuple[Bound, ...]]  # all bounds, those of the sender's domain included


class Judge:
    """The accounts and listeners of one reload; counters and connections outlive it."""

    def __init__(
        self,
        config: Config,
        directory: Directory,
        counters: Counters,
        connections: Connections,
        wall_clock: Callable[[], datetime],
    ) -> None:
        self._listeners = config.listeners
        self._directory = directory
        self._counters = counters
        self._connections = connections
        self._wall_clock = wall_clock
        self._standings: Held[_Standing] = Held()

    def decide(self, request: Request, now: float) -> Refusal | Ticket | None:
        """Return the refusal, or count the recipient that passes; `now` in seconds of a monotonic clock."""
        decision = self.ask(request, now)
        if not isinstance(decision, Counting):
            return decision
        return decision.answer(self._counters.take(decision.bounds, now, decision.number))

    def ask(self, request: Request, now: float) -> Refusal | Ticket | Counting | None:
        """Return the decision, or what has to be counted before it."""
        if request.request != "smtpd_access_policy":
            raise UndecidableError(f"not a request of smtpd: {request.request!r}")
        if request.recipients_counted and request.protocol_state == "END-OF-MESSAGE":
            return self._added(request)
        if request.protocol_state != "RCPT":
            return None
        listener = self._listeners.get(request.policy_context)
        if listener is None:
            raise UndecidableError(f"no listener {request.policy_context!r} in the configuration")
        if not request.sasl_username:
            return DIALECTS[listener.dialects[0]].authentication_required
        held = self._standing(request, now)
        client = self._connections.current(request, listener, now)
        refusal = held.refusal or sender_syntax.check(request.sender)
        if refusal is not None or recipient_syntax.check(request.recipient) is not None:
            return refusal
        refusal = client.refusal(listener)
        if refusal is not None:
            return refusal

        def passed() -> Ticket | None:
            client.recipients += 1
            return self._ticket(request) if listener.receipt and client.recipients == 1 else None

        every = _with_domain(request.sender, held, held.domain_limits) if held.domain_limits else held.bounds
        return Counting(every, 1, passed) if every else passed()

    def _added(self, request: Request) -> Refusal | Counting | None:
        """Return what counts the recipients that a message has beyond those of RCPT TO."""
        total, counted = _number(request.recipient_count), _number(request.recipients_counted)
        if total <= counted:
            raise UndecidableError(f"nothing to count: {total} recipients, {counted} of them counted")
        _, credential = self._credential(request)
        account = credential.account
        every = _bounds(credential) + _of_domain(request.sender, account.account, account.domain_limits)
        refusal = never(every, total)
        if refusal is not None or not every:
            return refusal
        return Counting(every, total - counted, _nothing)

    def _ticket(self, request: Request) -> Ticket:
        """Return what the milter is to know of the client, behind the proxy that gives the receipt."""
        return Ticket(
            time=int(self._wall_clock().timestamp()),
            identity=request.sasl_username,
            listener=request.policy_context,
            client_address=request.client_address,
            secured=bool(request.encryption_protocol),
        )

    def _standing(self, request: Request, now: float) -> _Standing:
        """Return what holds for the identity that Postfix names."""
        key = (request.sasl_username, request.client_address, request.encryption_protocol)
        return self._standings.get(key, now) or self._standings.put(key, self._ask(request), now)

    def _credential(self, request: Request) -> tuple[Identity, Credential]:
        """Return the identity that is asked about, and its credential."""
        try:
            identity = Identity.parse(request.sasl_username)
        except ValueError as error:  # not the name that our SASL back end returns
            raise UndecidableError(str(error)) from None
        credential = self._directory.credential(identity)
        if credential is None:
            # Made or deleted a moment ago: the milter, asked at MAIL, knew it. The next try gets one answer.
            raise UndecidableError(f"no credential {identity.credential_id!r} in the configuration")
        return identity, credential

    def _ask(self, request: Request) -> _Standing:
        identity, credential = self._credential(request)
        refusal = standing.check(
            credential,
            identity.subaccount,
            client_address=request.client_address,
            secured=bool(request.encryption_protocol),
            now=self._wall_clock(),
        )
        domain_limits = credential.account.domain_limits
        return _Standing(
            refusal=refusal,
            bounds=_bounds(credential),
            account=identity.account,
            domain_limits=domain_limits if domain_limits != Limits() else None,
            by_sender={},
        )


def _nothing() -> None:
    """Go ahead, with no ticket: the message has one, or needs none."""


def _with_domain(sender: str, held: _Standing, domain_limits: Limits) -> tuple[Bound, ...]:
    """Return all bounds of a recipient, those of the sender's domain included."""
    every = held.by_sender.get(sender)
    if every is None:
        if len(held.by_sender) >= MAX_SENDERS:
            held.by_sender.clear()
        every = held.by_sender[sender] = held.bounds + _of_domain(sender, held.account, domain_limits)
    return every


def _of_domain(sender: str, account: str, domain_limits: Limits) -> tuple[Bound, ...]:
    """Return what bounds the recipients of a sender's domain; the null sender has none."""
    domain = addresses.domain_of(sender)
    return bounds(f"domain {account} {domain}", domain_limits) if domain else ()


def _number(text: str) -> int:
    """Return the number of recipients that an attribute says."""
    if not (text.isascii() and text.isdecimal() and len(text) <= NUMBER_DIGITS):
        raise UndecidableError(f"not a number of recipients: {text!r}")
    return int(text)


def _bounds(credential: Credential) -> tuple[Bound, ...]:
    """Return what bounds every recipient of this credential, whoever the sender is."""
    account = credential.account
    return bounds(f"credential {credential.id}", credential.settings.limits) + bounds(
        f"account {account.account}", account.limits
    )
