"""Decides what a message for one recipient is, and what it changes: an `Outcome`, written by whoever asked.

    b+TOKEN@…        bounces; a complaint that comes here is one all the same
    fbl@…            complaints
    unsubscribe@…    unsubscribes, `unsubscribe:TOKEN` in the subject
    abuse@…          complaints; kept
    postmaster@…     kept

Only a token that is ours and for just this purpose changes anything. Raises StoreUnavailable when the store
cannot be asked.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from estafeta_core import rfc2047
from estafeta_core.bounce_class import HARD
from estafeta_core.ids import IdSource
from estafeta_core.links import Links
from estafeta_core.store import Copy, Store
from estafeta_core.store.rows import Row
from estafeta_postfix.mail_intake import automatic, clean, complaint, delivery_status, odd, records
from estafeta_postfix.mail_intake.attribution import copies
from estafeta_postfix.mail_intake.complaint import Complaint
from estafeta_postfix.mail_intake.delivery_status import Failure
from estafeta_postfix.mail_intake.mail import Mail
from estafeta_postfix.mail_intake.records import Occasion

NO_TOKEN = "ignored: no token of ours"  # noqa: S105 - a word of the log
NOBODY = "ignored: a report about nobody we know"

_DELIVERED = ("delv_method", "ip_address", "num_retries", "queue_time")
_QUEUE_ID = re.compile(rb"[\s)]id ([0-9A-Za-z]{6,20})\b")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one message was for one recipient."""

    what: str  # for the log
    rows: list[Row] = field(default_factory=list)  # to be durable before the answer
    keep: bool = False  # whether the operator shall read it


class Intake:
    """Reads messages; safe to be used from several threads. `links` is replaced by a reload."""

    def __init__(
        self,
        store: Store,
        links: Links,
        hostname: str,
        ids: IdSource | None = None,
        now_ms: Callable[[], int] = _now_ms,
    ) -> None:
        self.links = links
        self._store = store
        self._hostname = hostname.lower()
        self._ids = ids or IdSource()
        self._now_ms = now_ms

    def take(self, mail: Mail) -> Outcome:
        """Return what a message is and changes."""
        match mail.recipient.rpartition("@")[0].lower():
            case "unsubscribe":
                return self._unsubscribe(mail)
            case "postmaster":
                return Outcome("kept for the operator", keep=True)
            case "abuse":
                said = complaint.read(mail)
                found = self._complaint(mail, said) if said else Outcome("kept for the operator")
                return Outcome(found.what, found.rows, keep=True)
            case "fbl":
                said = complaint.read(mail)
                return self._complaint(mail, said) if said else Outcome("ignored: no abuse report")
            case _:
                said = complaint.read(mail)
                return self._complaint(mail, said) if said else self._bounce(mail)

    def _bounce(self, mail: Mail) -> Outcome:
        token = self.links.read_bounce_address(mail.recipient)
        if token is None:
            return Outcome(NO_TOKEN)
        report = delivery_status.read(mail)
        if report is not None and report.reporting_mta.lower() == self._hostname:
            return Outcome("ignored: a notice of this host, whose log has told it")
        failures = odd.read(mail) if report is None else report.failures
        if not failures:
            return Outcome(_no_failure(mail, told=report is not None))
        lines: list[str] = []
        rows: list[Row] = []
        for failure in failures if token.shared else failures[:1]:
            named, guessed = failure.recipients, report is None
            for copy in copies(self._store, token.id, named, shared=token.shared, guessed=guessed):
                lines.append(_told(copy, failure))
                rows += records.bounce(copy, failure, self._occasion(copy))
        return Outcome("; ".join(lines) or NOBODY, rows)

    def _complaint(self, mail: Mail, said: Complaint) -> Outcome:
        if not said.counts:
            return Outcome(f"ignored: a report of type {said.kind!r}")
        found = self._complained_of(said)
        if found is None:
            return Outcome(NO_TOKEN)
        report_to = clean.text(mail.recipient.encode("utf-8", "replace"), clean.ADDRESS)
        rows: list[Row] = []
        for copy in found:
            rows += records.complaint(copy, said, report_to, self._occasion(copy))
        ids = ", ".join(str(copy.message.message_id) for copy in found)
        return Outcome(
            f"spam complaint ({said.kind}) about message {ids}, suppressed" if ids else NOBODY, rows
        )

    def _complained_of(self, said: Complaint) -> list[Copy] | None:
        """Return the messages complained of, or None without a token."""
        feedback = self.links.read_msfbl(said.msfbl) if said.msfbl else None
        if feedback is not None:
            shared = not feedback.rcpt_to
            return copies(self._store, feedback.message_id, said.recipients, shared=shared)
        token = self.links.read_bounce_address(said.return_path)
        if token is None:
            return None
        return copies(self._store, token.id, said.recipients, shared=token.shared)

    def _unsubscribe(self, mail: Mail) -> Outcome:
        # The longest token of this kind has 40 characters; a fold may stand before it, never in it.
        subject = rfc2047.decode(clean.field(mail.headers, "subject"))
        token = self.links.read_unsubscribe_subject(subject)
        if token is None or token.shared:
            return Outcome(NO_TOKEN)
        if automatic.is_answer(mail):
            return Outcome("ignored: an automatic answer")
        copy = self._store.message(token.id)
        if copy is None:
            return Outcome(NOBODY)
        mailfrom = clean.text(mail.sender.encode("utf-8", "replace"), clean.ADDRESS)
        rows = records.unsubscribe(copy, mailfrom, self._occasion(copy))
        return Outcome(f"unsubscribe of message {token.id}, suppressed", rows)

    def _occasion(self, copy: Copy) -> Occasion:
        """Return what a report's rows need, with how the message was delivered if the log has told it."""
        data = self._store.delivery(copy.message.message_id)
        delivered = {name: data[name] for name in _DELIVERED if data.get(name) is not None}
        return Occasion(self._ids.next(), self._now_ms(), delivered)


def queue_id(mail: Mail) -> str:
    """Return Postfix's queue id, which the Received field on top has; "?" where there is none."""
    for header in mail.headers:
        if header.key == "received":
            found = _QUEUE_ID.search(header.value[:2000])
            return found[1].decode() if found else "?"
    return "?"


def _no_failure(mail: Mail, *, told: bool) -> str:
    if told:
        return "ignored: a report without a failure for good"
    return "ignored: an automatic answer" if automatic.is_answer(mail) else "ignored: no bounce"


def _told(copy: Copy, failure: Failure) -> str:
    kind = records.bounce_class(failure)
    text = f"out-of-band bounce of message {copy.message.message_id}, class {kind}"
    text += f", status {failure.status}" if failure.status else ""
    return text + (", suppressed" if kind in HARD else "")
