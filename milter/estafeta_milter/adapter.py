"""The one file that knows pymilter: callbacks in, edits and replies out.

A `Session` is one SMTP connection; libmilter may call it from a different thread
each time, never from two at once, so everything it knows stands on the object.
Only MAIL and the final dot are answered; every other callback is declared
`noreply`, which saves Postfix a round trip each (a third of the rate, measured).
pymilter turns an exception into `451 4.3.0`; here each is logged with the queue id
first, and content must not cause any.
"""

import logging
from typing import ClassVar

import Milter

from estafeta_core.headers import Header
from estafeta_core.refusal import Refusal
from estafeta_milter import edits
from estafeta_milter.reply import reply
from estafeta_milter.submission import Discard, Submission
from estafeta_milter.verdict import Envelope

log = logging.getLogger(__name__)

FAULT = Refusal(451, "4.3.0", "Internal error, try again later")
OUT_OF_ORDER = Refusal(503, "5.5.1", "need MAIL command")
# Header fields that are kept of a message: about 20 MB of memory. Real mail has dozens; 20 MB of mail can
# hold five million, which would take gigabytes.
FIELDS = 50_000
TOO_MANY_FIELDS = Refusal(550, "5.6.0", f"This message has more than {FIELDS} header fields")
STOPPING = Refusal(421, "4.3.2", "Service is being restarted, try again")


class Session(Milter.Base):
    """One SMTP connection as libmilter shows it."""

    submission: ClassVar[Submission]
    stopping: ClassVar[bool] = False
    """Set before the process ends: it takes no further message."""
    in_hand: ClassVar[set["Session"]] = set()
    """The sessions between an accepted MAIL and the end of its message."""

    def __init__(self) -> None:
        self._envelope: Envelope | None = None
        self._recipients: list[str] = []
        self._headers: list[Header] = []
        self._body: list[bytes] = []

    @Milter.decode("bytes")
    def envfrom(self, sender: bytes, *_parameters: bytes) -> int:
        """MAIL FROM: a new message begins, whatever became of the one before."""
        self._clear()
        self.in_hand.add(self)  # before `stopping` is read: whoever sets it looks here afterwards
        if self.stopping:
            return self._refuse_mail(STOPPING)
        try:
            decision = self.submission.mail(
                identity=self._macro("{auth_authen}"),
                listener=self._macro("{daemon_name}"),
                client_address=self._macro("{client_addr}"),
                secured=bool(self._macro("{tls_version}")),
                sender=_address(sender),
            )
        except Exception:  # a bug here may delay one message; it never lets one through unchecked
            log.exception("MAIL FROM %s: decision failed, deferred", _address(sender))
            return self._refuse_mail(FAULT)
        if isinstance(decision, Refusal):
            return self._refuse_mail(decision)
        self._envelope = decision
        return Milter.CONTINUE

    @Milter.noreply
    @Milter.decode("bytes")
    def envrcpt(self, recipient: bytes, *_parameters: bytes) -> int:
        """RCPT TO that Postfix and the policy daemon have accepted."""
        self._recipients.append(_address(recipient))
        return Milter.CONTINUE

    @Milter.noreply
    @Milter.decode("bytes")
    def header(self, name: str, value: bytes) -> int:
        """One header field, folds kept."""
        if len(self._headers) <= FIELDS:
            self._headers.append(Header(name, value))
        return Milter.CONTINUE

    @Milter.noreply
    def body(self, chunk: bytes) -> int:
        """Keep a piece of the body, at most 64 KiB."""
        self._body.append(chunk)
        return Milter.CONTINUE

    def eom(self) -> int:
        """Decide at the final dot, make it durable, then edit."""
        queue_id = self._macro("i")
        try:
            return self._end(queue_id)
        except Milter.error as error:  # libmilter cannot tell Postfix something, as a rule because it left
            log.warning("%s: deferred: Postfix was not told of an edit: %s", queue_id, error)
            return self._refuse(FAULT)
        except Exception:  # a bug here may delay one message; it never lets one through unchanged
            log.exception("%s: failed at the end of the message, deferred", queue_id)
            return self._refuse(FAULT)
        finally:
            self._clear()

    def abort(self) -> int:
        """RSET, a refusal, or a client that left."""
        self._clear()
        return Milter.CONTINUE

    def close(self) -> int:
        """Let go of everything: the connection is over, however it ended."""
        self._clear()
        return Milter.CONTINUE

    def _end(self, queue_id: str) -> int:
        if self._envelope is None:  # libmilter lets what follows an abort pass without MAIL
            return self._refuse(OUT_OF_ORDER)
        if len(self._headers) > FIELDS:
            return self._refuse(TOO_MANY_FIELDS)
        outcome = self.submission.end(
            self._envelope, queue_id, tuple(self._recipients), tuple(self._headers), b"".join(self._body)
        )
        if isinstance(outcome, Refusal):
            return self._refuse(outcome)
        if isinstance(outcome, Discard):
            return Milter.DISCARD
        for edit in outcome:
            self._apply(edit)
        return Milter.ACCEPT

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


def _address(argument: bytes) -> str:
    """Return the address of a MAIL or RCPT argument, without its angle brackets."""
    text = argument.decode("utf-8", "surrogateescape")
    return text[1:-1] if text.startswith("<") and text.endswith(">") else text
