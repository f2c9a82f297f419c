"""The one file that knows pymilter: callbacks in, edits and replies out.

A `Session` is one SMTP connection; libmilter may call it from a different thread
each time, never from two at once, so everything it knows stands on the object.
Only MAIL, RCPT and the final dot are answered, and commands that Postfix does not know where
a provider has an answer; every other callback is declared `noreply`, which saves Postfix a
round trip each (a third of the rate, measured).
pymilter turns an exception into `451 4.3.0`; here each is logged with the queue id
first, and content must not cause any.

The name of the listener tells whether a message comes from a client or by way of the receipt proxy. Copies
come by a socket of their own (handover.py).
"""

import logging
import time
from typing import ClassVar

import Milter

from estafeta_core import metrics
from estafeta_core.headers import Header
from estafeta_core.refusal import Refusal
from estafeta_core.tickets import LISTENER as RECEIPT
from estafeta_milter import edits, relayed
from estafeta_milter.admission import Admission
from estafeta_milter.relayed import Relayed
from estafeta_milter.reply import reply
from estafeta_milter.submission import Discard, Submission
from estafeta_milter.verdict import Envelope

log = logging.getLogger(__name__)

# What the answer to a final dot is counted as.
_OUTCOMES = {
    Milter.ACCEPT: "accepted",
    Milter.DISCARD: "discarded",
    Milter.REJECT: "refused",
    Milter.TEMPFAIL: "deferred",
}

FAULT = Refusal(451, "4.3.0", "Internal error, try again later")
OUT_OF_ORDER = Refusal(503, "5.5.1", "need MAIL command")
# Header fields that are kept of a message: about 20 MB of memory. Real mail has dozens; 20 MB of mail can
# hold five million, which would take gigabytes.
FIELDS = 50_000
TOO_MANY_FIELDS = Refusal(550, "5.6.0", f"This message has more than {FIELDS} header fields")
SIZE_DIGITS = 20  # RFC 1870 section 3
STOPPING = Refusal(421, "4.3.2", "Service is being restarted, try again")


class Session(Milter.Base):
    """One SMTP connection as libmilter shows it."""

    admission: ClassVar[Admission]
    submission: ClassVar[Submission]
    stopping: ClassVar[bool] = False
    """Set before the process ends: it takes no further message."""
    in_hand: ClassVar[set["Session"]] = set()
    """The sessions between an accepted MAIL and the end of its message."""

    def __init__(self) -> None:
        self._envelope: Envelope | Relayed | None = None
        self._recipients: list[str] = []
        self._headers: list[Header] = []
        self._body: list[bytes] = []

    @Milter.decode("bytes")
    def envfrom(self, sender: bytes, *parameters: bytes) -> int:
        """MAIL FROM: a new message begins, whatever became of the one before."""
        self._clear()
        self.in_hand.add(self)  # before `stopping` is read: whoever sets it looks here afterwards
        if self.stopping:
            return self._refuse_mail(STOPPING)
        try:
            decision = self._mail(_address(sender), _announced(parameters))
        except Exception:  # a bug here may delay one message; it never lets one through unchecked
            log.exception("MAIL FROM %s: decision failed, deferred", _address(sender))
            return self._refuse_mail(FAULT)
        if isinstance(decision, Refusal):
            return self._refuse_mail(decision)
        self._envelope = decision
        return Milter.CONTINUE

    @Milter.decode("bytes")
    def envrcpt(self, recipient: bytes, *_parameters: bytes) -> int:
        """RCPT TO that Postfix and the policy daemon have accepted."""
        address = _address(recipient)
        if self._envelope is None:  # libmilter may let what follows RSET or an unknown command pass
            return self._refuse(OUT_OF_ORDER)
        try:
            refusal = self._rcpt(self._envelope, address)
        except Exception:  # a bug here may delay one message; it never lets one through unchecked
            log.exception("RCPT TO %s: decision failed, deferred", address)
            return self._refuse(FAULT)
        if refusal is not None:
            return self._refuse(refusal)
        self._recipients.append(address)
        return Milter.CONTINUE

    @Milter.noreply
    @Milter.decode("bytes")
    def header(self, name: str, value: bytes) -> int:
        """One header field, folds kept."""
        if len(self._headers) <= FIELDS + relayed.AHEAD:
            self._headers.append(Header(name, value))
        return Milter.CONTINUE

    @Milter.noreply
    def body(self, chunk: bytes) -> int:
        """Keep a piece of the body, at most 64 KiB."""
        self._body.append(chunk)
        return Milter.CONTINUE

    def eom(self) -> int:
        """Decide at the final dot, make it durable, then edit."""
        begun = time.perf_counter()
        try:
            answer = self._answered(self._macro("i"))
            self._count(answer, time.perf_counter() - begun)
            return answer
        finally:
            self._clear()

    def _answered(self, queue_id: str) -> int:
        fields = {"queue_id": queue_id}
        try:
            return self._end(queue_id)
        except Milter.error as error:  # libmilter cannot tell Postfix something, as a rule because it left
            log.warning("%s: deferred: Postfix was not told of an edit: %s", queue_id, error, extra=fields)
            return self._refuse(FAULT)
        except Exception:  # a bug here may delay one message; it never lets one through unchanged
            log.exception("%s: failed at the end of the message, deferred", queue_id, extra=fields)
            return self._refuse(FAULT)

    def _count(self, answer: int, seconds: float) -> None:
        """Count a message of a client whose dialect is known."""
        if isinstance(self._envelope, Envelope):
            metrics.MESSAGES[self._envelope.dialect.name, _OUTCOMES[answer]].add()
            metrics.MESSAGE_SECONDS.observe(seconds)
            metrics.MESSAGE_BYTES.add(sum(map(len, self._body)))

    def abort(self) -> int:
        """RSET, a refusal, or a client that left."""
        self._leave()
        return Milter.CONTINUE

    def close(self) -> int:
        """Let go of everything: the connection is over, however it ended."""
        self._leave()
        return Milter.CONTINUE

    def _leave(self) -> None:
        """Let go of a message that will not come."""
        try:
            if isinstance(self._envelope, Envelope):
                self.submission.left(self._envelope, tuple(self._recipients))
        except Exception:  # a bug here may lose contacts; nothing of the message is left for the next one
            log.exception("a message was given up: its contacts are not kept")
        finally:
            self._clear()

    def _mail(self, sender: str, size: int) -> Envelope | Relayed | Refusal:
        listener = self._macro("{daemon_name}")
        if listener == RECEIPT:
            return Relayed(sender)
        return self.admission.mail(
            identity=self._macro("{auth_authen}"),
            listener=listener,
            client_address=self._macro("{client_addr}"),
            secured=bool(self._macro("{tls_version}")),
            sender=sender,
            size=size,
        )

    def _rcpt(self, envelope: Envelope | Relayed, address: str) -> Refusal | None:
        return self.admission.rcpt(envelope, address) if isinstance(envelope, Envelope) else None

    def _end(self, queue_id: str) -> int:
        outcome = self._outcome(queue_id)
        if isinstance(outcome, Refusal):
            return self._refuse(outcome)
        if isinstance(outcome, Discard):
            return Milter.DISCARD
        for edit in outcome:
            self._apply(edit)
        return Milter.ACCEPT

    def _outcome(self, queue_id: str) -> list[edits.Edit] | Discard | Refusal:
        headers = tuple(self._headers)
        match self._envelope:
            case None:  # libmilter may let what follows RSET or an unknown command pass
                return OUT_OF_ORDER
            case Relayed(sender):
                return self._relayed(queue_id, sender, headers)
            case envelope:
                return self._submitted(envelope, queue_id, headers)

    def _relayed(
        self, queue_id: str, sender: str, headers: tuple[Header, ...]
    ) -> list[edits.Edit] | Discard | Refusal:
        envelope = self.admission.relayed(queue_id, sender, headers)
        if isinstance(envelope, Refusal):
            return envelope
        self._envelope = envelope
        outcome = self._submitted(envelope, queue_id, headers[relayed.AHEAD :])
        return [relayed.OFF, *outcome] if isinstance(outcome, list) else outcome

    def _submitted(
        self, envelope: Envelope, queue_id: str, headers: tuple[Header, ...]
    ) -> list[edits.Edit] | Discard | Refusal:
        recipients = tuple(self._recipients)
        if len(headers) > FIELDS:
            return self.submission.refuse(TOO_MANY_FIELDS, envelope, queue_id, recipients, headers)
        return self.submission.end(envelope, queue_id, recipients, headers, b"".join(self._body))

    def _apply(self, edit: edits.Edit) -> None:
        match edit:
            case edits.DeleteHeader(name, occurrence):
                self.chgheader(name, occurrence, None)
            case edits.ChangeHeader(name, occurrence, value):
                self.chgheader(name, occurrence, value)
            case edits.AddHeader(name, value):
                self.addheader(name, value)
            case edits.DeleteRecipient(address):
                self.delrcpt(f"<{address}>")
            case edits.AddRecipient(address):
                self.addrcpt(f"<{address}>")
            case edits.ChangeSender(address):
                self.chgfrom(f"<{address}>")
            case edits.ReplaceBody(body):
                self.replacebody(body)

    def _refuse_mail(self, refusal: Refusal) -> int:
        self._clear()
        return self._refuse(refusal)

    def _refuse(self, refusal: Refusal) -> int:
        self.setreply(*reply(refusal))
        return Milter.TEMPFAIL if refusal.code < 500 else Milter.REJECT

    def _macro(self, name: str) -> str:
        try:
            return self.getsymval(name) or ""
        except UnicodeDecodeError:  # pymilter decodes strictly; no macro we ask for may hold such text
            return ""

    def _clear(self) -> None:
        self._envelope = None
        self._recipients = []
        self._headers = []
        self._body = []
        self.in_hand.discard(self)


class AnsweringSession(Session):
    """What a session is where a provider answers commands that Postfix does not know.

    Then DATA is heard as well: in libmilter's table no other way leads from such a command to a header field.
    That takes 4 % of the time of a small message, so nobody else pays for it.
    """

    def unknown(self, command: str) -> int:
        """Answer a command that Postfix does not know, or that it was told to make unknown."""
        try:
            refusal = self.admission.command(self._macro("{daemon_name}"), command)
        except Exception:  # Postfix's own answer is as good
            log.exception("%.100r: no answer of the provider's", command)
            return Milter.CONTINUE
        return Milter.CONTINUE if refusal is None else self._refuse(refusal)

    @Milter.noreply
    def data(self) -> int:
        """Hear that the envelope is complete."""
        return Milter.CONTINUE


def _announced(parameters: tuple[bytes, ...]) -> int:
    """Return the SIZE among the parameters of MAIL (RFC 1870), or 0."""
    for parameter in parameters:
        name, _, value = parameter.partition(b"=")
        if name.upper() == b"SIZE" and value.isdigit() and len(value) <= SIZE_DIGITS:
            return int(value)
    return 0


def _address(argument: bytes) -> str:
    """Return the address of a MAIL or RCPT argument, without its angle brackets."""
    text = argument.decode("utf-8", "surrogateescape")
    return text[1:-1] if text.startswith("<") and text.endswith(">") else text
