"""A client's commands in order, and the reply to each, as the daemons would give them.

Asked are the very decisions that the daemons run: the rules of a login, `Admission` for MAIL and RCPT,
`Judge` for RCPT, `propose` for the message. In between stands what Postfix answers by itself. The client
announces no SIZE, so a message that is too large is refused at its end.

Limits are counted from zero, with this message alone: what others have sent is known to the policy daemon and
to nobody else. Nothing is written and nothing is kept.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from estafeta_core.config.live import Live
from estafeta_core.refusal import Refusal
from estafeta_core.rules import credential_active, standing
from estafeta_core.store import Store
from estafeta_milter import contacts
from estafeta_milter.adapter import FIELDS, TOO_MANY_FIELDS
from estafeta_milter.admission import Admission
from estafeta_milter.derived import Derived, Deriving
from estafeta_milter.dkim.keyring import KeyUnavailableError
from estafeta_milter.message.message import Message
from estafeta_milter.proposal import Proposal, propose
from estafeta_milter.verdict import Envelope
from estafeta_policy.judge import Connections, Judge
from estafeta_policy.limits import Counters
from estafeta_policy.wire.delegation import Request
from estafeta_postfix.explain import words
from estafeta_postfix.explain.arrival import HOPS, QUEUE_ID, Arrived, arrive
from estafeta_postfix.explain.asked import Asked
from estafeta_postfix.explain.unissued import Unissued
from estafeta_postfix.explain.words import Reply
from estafeta_postfix.receipt.wording import NOTHING_SENT
from estafeta_postfix.render.listener import size_limit

THE_MESSAGE = "."
"""The command that ends a message."""


@dataclass(frozen=True, slots=True)
class Going:
    """A message that was taken, and everything its copies are made from."""

    envelope: Envelope
    derived: Derived
    proposal: Proposal


@dataclass(frozen=True, slots=True)
class Held:
    """A whole session."""

    replies: tuple[Reply, ...]
    arrived: Arrived | None  # None: the client never came to send the message
    going: Going | None  # None: it was refused, or there was nothing but recipients
    fault: str = ""  # what the operator has to mend, where the refusal is a fault of ours


def hold(live: Live, store: Store, asked: Asked, now: Callable[[], datetime]) -> Held:
    """Return what a client hears who sends what is `asked`; StoreUnavailable when the store is unreadable."""
    live.stand(store.standing())
    client = _Client(live, store, asked, now)
    envelope = client.mail() if client.log_in() else None
    recipients = client.recipients(envelope) if envelope is not None else ()
    if envelope is None or not client.data(recipients):
        return Held(tuple(client.replies), None, None)
    arrived = arrive(asked.raw, sender=asked.sender, hostname=live.current.config.hostname, now=now())
    going = client.end(envelope, recipients, arrived)
    return Held(tuple(client.replies), arrived, going, client.fault)


class _Client:
    """One session, and what has been said in it."""

    def __init__(self, live: Live, store: Store, asked: Asked, now: Callable[[], datetime]) -> None:
        self.replies: list[Reply] = []
        self.fault = ""
        self._snapshot = live.current
        self._listener = self._snapshot.config.listeners[asked.listener]
        self._store = store
        self._asked = asked
        self._now = now
        self._deriving = Deriving()
        self._admission = Admission(live, self._deriving, now)
        self._judge = Judge(self._snapshot.config, self._snapshot.directory, Counters(), Connections(), now)

    def log_in(self) -> bool:
        """Log in with the right secret."""
        return self._say("AUTH", self._login())

    def mail(self) -> Envelope | None:
        """Say MAIL FROM, and return what it established."""
        asked = self._asked
        command = f"MAIL FROM:<{asked.sender}>"
        if not words.has_host(asked.sender):
            self._say(command, words.BAD_SENDER)
            return None
        envelope = self._admission.mail(
            identity=str(asked.identity),
            listener=asked.listener,
            client_address=asked.client_address,
            secured=asked.secured,
            sender=asked.sender,
        )
        if isinstance(envelope, Refusal):
            self._say(command, words.from_milter(envelope))
            return None
        self._say(command, words.SENDER_OK)
        return envelope

    def recipients(self, envelope: Envelope) -> tuple[str, ...]:
        """Say every RCPT TO, and return who was taken."""
        taken: list[str] = []
        for recipient in self._asked.recipients:
            line = self._recipient(recipient, len(taken), envelope)
            if self._say(f"RCPT TO:<{recipient}>", line):
                taken.append(recipient)
        return tuple(taken)

    def data(self, recipients: tuple[str, ...]) -> bool:
        """Say DATA."""
        return self._say("DATA", words.GO_AHEAD if recipients else words.NO_RECIPIENTS)

    def end(self, envelope: Envelope, recipients: tuple[str, ...], arrived: Arrived) -> Going | None:
        """Send the message, and return what becomes of it."""
        refused = self._refused_unread(arrived)
        if refused:
            self._say(THE_MESSAGE, refused)
            return None
        derived = self._deriving.of(envelope.snapshot)
        received = Message(envelope.sender, recipients, arrived.headers, arrived.body, derived.bounds)
        if envelope.dialect.keeps_contacts and contacts.is_import(received, QUEUE_ID):
            self._say(THE_MESSAGE, self._taken(NOTHING_SENT.decode()))
            return None
        going = self._decided(received, envelope, derived)
        if isinstance(going, Refusal):
            self._say(THE_MESSAGE, words.from_milter(going))
            return None
        receipt = envelope.dialect.receipt(going.proposal.ids.transmission)
        self._say(THE_MESSAGE, self._taken(f"250 {receipt}" if receipt else words.queued(QUEUE_ID)))
        return going

    def _say(self, command: str, line: str) -> bool:
        """Note a reply; whether it is no refusal."""
        reply = Reply(command, words.with_footer(line, self._listener))
        self.replies.append(reply)
        return not reply.refused

    def _login(self) -> str:
        asked = self._asked
        if self._listener.tls == "required" and not asked.secured:
            return words.STARTTLS_FIRST
        credential = self._snapshot.directory.credential(asked.identity)
        refusal = (
            credential_active.REVOKED
            if credential is None
            else standing.check(
                credential,
                asked.identity.subaccount,
                client_address=asked.client_address,
                secured=asked.secured,
                now=self._now(),
            )
        )
        return words.LOGGED_IN if refusal is None else words.from_login(refusal)

    def _recipient(self, recipient: str, taken: int, envelope: Envelope) -> str:
        """Return the reply to one RCPT TO, behind `taken` others."""
        if not words.has_host(recipient):
            return words.BAD_RECIPIENT
        if taken >= self._listener.recipients_per_message:
            return words.TOO_MANY_RECIPIENTS
        judged = self._judge.decide(self._request(protocol_state="RCPT", recipient=recipient), 0.0)
        if isinstance(judged, Refusal):
            return words.from_policy(judged, recipient)
        refusal = self._admission.rcpt(envelope, recipient)
        return words.RECIPIENT_OK if refusal is None else words.from_milter(refusal)

    def _request(self, **told: str) -> Request:
        asked = self._asked
        return Request(
            request="smtpd_access_policy",
            client_address=asked.client_address,
            sender=asked.sender,
            sasl_username=str(asked.identity),
            encryption_protocol="TLSv1.3" if asked.secured else "",
            instance=QUEUE_ID,
            policy_context=asked.listener,
            **told,
        )

    def _refused_unread(self, arrived: Arrived) -> str:
        """Return the refusal of a message that no rule is asked about; "" where they are."""
        if arrived.size > size_limit(self._listener):
            return words.TOO_BIG
        if arrived.hops >= HOPS:
            return words.TOO_MANY_HOPS
        return words.from_milter(TOO_MANY_FIELDS) if len(arrived.headers) > FIELDS else ""

    def _decided(self, received: Message, envelope: Envelope, derived: Derived) -> Going | Refusal:
        try:
            proposal = propose(
                received, envelope, derived, store=self._store, ids=Unissued(), queue_id=QUEUE_ID
            )
        except KeyUnavailableError as failure:
            self.fault = f"cannot be signed: {failure}"
            return envelope.dialect.store_failed
        if isinstance(proposal, Refusal):
            return proposal
        going = Going(envelope, derived, proposal)
        return self._counted(proposal.listed, len(received.recipients)) or going

    def _counted(self, listed: int, counted: int) -> Refusal | None:
        """Return why the lists of the message may not add so many recipients to those `counted` before."""
        if not listed:
            return None
        request = self._request(
            protocol_state="END-OF-MESSAGE",
            recipient_count=str(counted + listed),
            recipients_counted=str(counted),
        )
        judged = self._judge.decide(request, 0.0)
        return judged if isinstance(judged, Refusal) else None

    def _taken(self, receipt: str) -> str:
        """Return the reply to a message that was taken: the provider's where the listener gives receipts."""
        return receipt if self._listener.receipt else words.queued(QUEUE_ID)
