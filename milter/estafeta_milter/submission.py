"""Stage `submission`: a message comes in from a client; whether it goes, and how it leaves.

At MAIL the credential is asked again, so that a key revoked a second ago stops in an
open session. At the final dot the rules are asked, the message is rendered, its
transmission made durable, and only then are the edits returned: whatever fails before
leaves nothing behind but a refusal.

Where copies differ, the message is queued with a job, and each copy is made of it when Postfix hands over its
recipient (delivery.py).
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from estafeta_core.config.live import Live
from estafeta_core.config.load import Snapshot
from estafeta_core.dialects import DIALECTS
from estafeta_core.dialects.base import Dialect
from estafeta_core.directory import Credential
from estafeta_core.headers import Header
from estafeta_core.identity import Identity
from estafeta_core.ids import IdSource
from estafeta_core.jobs import Jobs, TooManyCopiesError
from estafeta_core.links import Links
from estafeta_core.refusal import Refusal
from estafeta_core.rules import credential_active, recipient_syntax, sender_syntax, standing
from estafeta_core.store import Store, StoreUnavailable
from estafeta_core.store.rows import Row
from estafeta_milter import contacts, copies, edits, hosting, ledger, relayed, senders
from estafeta_milter.added import as_sent
from estafeta_milter.derived import Derived, Deriving
from estafeta_milter.job import Job
from estafeta_milter.message.mend import mended
from estafeta_milter.message.message import Message
from estafeta_milter.verdict import Envelope, Verdict, decide

log = logging.getLogger(__name__)

# Header edits to one message. Postfix goes through the queue file for each of them: 1,000 take it 0.05 s,
# 6,000 take 1.2 s, and so on with the square. The fields are the service's, and a client sets one or two.
EDITS = 100
TOO_MANY_EDITS = Refusal(550, "5.6.0", f"More than {EDITS} header fields that belong to this service")
TOO_MANY_COPIES = Refusal(
    550, "5.5.3", "Too many recipients: each of them needs a copy of its own, send to fewer at a time"
)
NO_TICKET = Refusal(451, "4.7.1", "This listener takes nothing but messages with a ticket")
CONTROL_HEADERS = frozenset(name for dialect in DIALECTS.values() for name in dialect.control_headers)


class Discard:
    """Accepted, and sent to nobody: every recipient is suppressed."""


class Submission:
    """The decisions of one process, on the configuration in force."""

    def __init__(
        self,
        live: Live,
        store: Store,
        ids: IdSource,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._live = live
        self._store = store
        self._ids = ids
        self._now = now
        self._deriving = Deriving()

    def mail(
        self, *, identity: str, listener: str, client_address: str, secured: bool, sender: str, size: int = 0
    ) -> Envelope | Refusal:
        """Decide on MAIL FROM; `identity` is what the SASL back end returned, "" where nobody logged in.

        `size` is what the client announces, in bytes; 0 where it announces nothing.
        """
        if not identity:
            return _speaking(self._live.current, listener).authentication_required
        envelope = self._opened(
            identity=identity,
            listener=listener,
            client_address=client_address,
            secured=secured,
            sender=sender,
            size=size,
        )
        if isinstance(envelope, Envelope) and envelope.settings is not None and envelope.settings.deprecated:
            log.warning("MAIL: %s: listener %s is deprecated: use another port", identity, listener)
        return envelope

    def relayed(self, queue_id: str, sender: str, headers: tuple[Header, ...]) -> Envelope | Refusal:
        """Decide who sends a message that came by way of the receipt proxy, and whether he still may."""
        while True:
            snapshot = self._live.current
            now = int(self._now().timestamp())
            ticket = relayed.ticket(headers, self._deriving.of(snapshot).tickets, now)
            if ticket is not None:
                envelope = self._opened(
                    identity=ticket.identity,
                    listener=ticket.listener,
                    client_address=ticket.client_address,
                    secured=ticket.secured,
                    sender=sender,
                )
                return envelope if isinstance(envelope, Refusal) else replace(envelope, relayed=True)
            # The policy daemon may have signed with a key that this process has not read yet.
            if not self._live.catch_up(snapshot):
                log.error("%s: deferred: the message does not begin with one valid ticket", queue_id)
                return NO_TICKET

    def _opened(
        self, *, identity: str, listener: str, client_address: str, secured: bool, sender: str, size: int = 0
    ) -> Envelope | Refusal:
        snapshot = self._live.current
        who = Identity.parse(identity)
        found = self._credential(snapshot, who, client_address, secured)
        if isinstance(found, Refusal) and self._live.catch_up(snapshot):
            # The SASL back end may have let in a key made a moment ago, and a refusal is final: look again.
            snapshot = self._live.current
            found = self._credential(snapshot, who, client_address, secured)
        if isinstance(found, Refusal):
            return _logged("MAIL", identity, found)
        envelope = Envelope(snapshot, who, found, listener, sender, self._milliseconds())
        refusal = (
            senders.check_envelope(sender, found, who.subaccount, envelope.dialect)
            or sender_syntax.check(sender)
            or _size(envelope, size)
        )
        if refusal is not None:
            return _logged("MAIL", identity, refusal)
        return envelope

    def rcpt(self, envelope: Envelope, recipient: str) -> Refusal | None:
        """Decide on RCPT TO."""
        if recipient_syntax.check(recipient) is None:
            return None
        refusal = envelope.dialect.recipient_refused(recipient, envelope.credential.account)
        return _logged("RCPT", str(envelope.identity), refusal)

    def command(self, listener: str, line: str) -> Refusal | None:
        """Return the answer to a command that Postfix does not know; None: Postfix's own."""
        return _speaking(self._live.current, listener).command_refused(line)

    def left(self, envelope: Envelope, recipients: tuple[str, ...]) -> None:
        """Keep the recipients of a message that never came, where the provider does.

        Nobody waits for it, but where a message goes by the receipt proxy. There the session of the public
        listener keeps what has not been kept behind the proxy, where it has become durable before the answer.
        """
        if not envelope.dialect.keeps_contacts or not recipients:
            return
        try:
            if envelope.relayed:
                self._store.record(self._contacts(envelope, recipients, None))
            elif not (envelope.goes_by_proxy and self._kept_behind(envelope, recipients)):
                written = self._store.submit(self._contacts(envelope, recipients, None))
                written.add_done_callback(lambda future: _not_kept(envelope, future.exception()))
        except StoreUnavailable as failure:
            _not_kept(envelope, failure)

    def _kept_behind(self, envelope: Envelope, recipients: tuple[str, ...]) -> bool:
        return contacts.are_kept(self._store, envelope.identity.account, recipients, since=envelope.opened)

    def end(
        self,
        envelope: Envelope,
        queue_id: str,
        recipients: tuple[str, ...],
        headers: tuple[Header, ...],
        body: bytes,
    ) -> list[edits.Edit] | Discard | Refusal:
        """Decide on a whole message, make its transmission durable, and return how to edit it."""
        derived = self._deriving.of(envelope.snapshot)
        received = Message(envelope.sender, recipients, headers, body, derived.bounds)
        try:
            if envelope.dialect.keeps_contacts and contacts.is_import(received, queue_id):
                self._store.record(self._contacts(envelope, recipients, None))
                log.info("%s: %s: contacts=%d, no message", queue_id, envelope.identity, len(recipients))
                return Discard()
            outcome = self._outcome(received, envelope, queue_id, derived)
        except (StoreUnavailable, OSError) as failure:  # the store, or the folder of hosted files
            log.error("%s: %s: deferred: cannot be kept: %s", queue_id, envelope.identity, failure)
            return envelope.dialect.store_failed
        if isinstance(outcome, Refusal):
            self.left(envelope, recipients)
            return _logged(queue_id, str(envelope.identity), outcome)
        return outcome

    def _outcome(
        self, received: Message, envelope: Envelope, queue_id: str, derived: Derived
    ) -> list[edits.Edit] | Discard | Refusal:
        read = mended(received) if envelope.dialect.mends_multiparts else received
        verdict = _whole_size(envelope, received, queue_id) or decide(read, envelope, self._store)
        if isinstance(verdict, Refusal):
            return verdict
        return self._accept(received, read, envelope, verdict, queue_id=queue_id, derived=derived)

    def _accept(
        self,
        received: Message,
        read: Message,
        envelope: Envelope,
        verdict: Verdict,
        *,
        queue_id: str,
        derived: Derived,
    ) -> list[edits.Edit] | Discard | Refusal:
        """Make what may go durable; it was `read` as it shall leave, and edits are to what was `received`."""
        going = verdict.going
        ids = {"": self._ids.next(), **{recipient: self._ids.next() for recipient in verdict.recipients}}
        plan = hosting.plan(read, verdict.options, derived.links, ids[""])
        job = _job(envelope, verdict, derived.links, plan, ids)
        sent = read if going == read.recipients else read.with_recipients(going)
        try:
            rendering = _rendering(sent, verdict, job, derived.jobs, ids)
        except TooManyCopiesError:
            return TOO_MANY_COPIES
        changes = edits.difference(received, rendering.queued)
        later = edits.difference(rendering.shared, rendering.final)
        if max(len(changes), len(later)) > EDITS + len(received.recipients):
            return TOO_MANY_EDITS
        shown = hosting.shown(rendering.copy) if going and verdict.options.keep_content else None
        kept = [*plan.contents, *([shown.content] if shown else [])]
        if kept and not self._fits(envelope, hosting.size(kept)):
            return envelope.dialect.hosting_full(envelope.credential.account)
        time = self._milliseconds()
        accepted = _accepted(envelope, queue_id, verdict, ids, time)
        recorded = rendering.final.with_sender(rendering.queued.sender)
        rows = ledger.rows(accepted, recorded, job, self._ids)
        rows += hosting.rows(
            accepted, job, shown, {derived.shelf.keep(content): len(content) for content in kept}
        )
        if envelope.dialect.keeps_contacts:
            rows += self._contacts(envelope, received.recipients, ids[""])
        self._store.record(rows)
        _log_accepted(accepted, envelope, verdict)
        return changes if going else Discard()

    def _fits(self, envelope: Envelope, size: int) -> bool:
        """Whether the account may keep so many bytes more."""
        return self._store.kept(envelope.identity.account) + size <= envelope.snapshot.config.hosting.quota

    def _contacts(
        self, envelope: Envelope, recipients: tuple[str, ...], transmission_id: int | None
    ) -> list[Row]:
        return contacts.rows(
            envelope.identity.account, recipients, transmission_id, group_id=self._ids.next(), now=self._now()
        )

    def _milliseconds(self) -> int:
        return int(self._now().timestamp() * 1000)

    def _credential(
        self, snapshot: Snapshot, who: Identity, client_address: str, secured: bool
    ) -> Credential | Refusal:
        """Return the credential behind an identity, or why it may not be used now."""
        credential = snapshot.directory.credential(who)
        if credential is None:
            return credential_active.REVOKED  # it has been taken out of its file since the login
        refusal = standing.check(
            credential, who.subaccount, client_address=client_address, secured=secured, now=self._now()
        )
        return refusal or credential


def _speaking(snapshot: Snapshot, listener: str) -> Dialect:
    """Return the dialect that speaks where nobody has logged in: the first of the listener."""
    settings = snapshot.config.listeners.get(listener)
    return DIALECTS[settings.dialects[0]] if settings else Dialect()


def _not_kept(envelope: Envelope, failure: BaseException | None) -> None:
    if failure is not None:
        log.error("%s: contacts are not kept: the store is unavailable: %s", envelope.identity, failure)


def _size(envelope: Envelope, size: int) -> Refusal | None:
    """Return why a message of `size` bytes may not come."""
    settings, dialect = envelope.settings, envelope.dialect
    limit = (settings.size_limit if settings else 0) or dialect.size_limit
    return dialect.too_large(limit, envelope.credential.account) if size > limit else None


def _whole_size(envelope: Envelope, received: Message, queue_id: str) -> Refusal | None:
    """Return why a message is too large, as the client sent it."""
    if _size(envelope, ledger.size(received)) is None:
        return None
    return _size(envelope, ledger.size(as_sent(received, queue_id)))


def _accepted(
    envelope: Envelope, queue_id: str, verdict: Verdict, ids: dict[str, int], time: int
) -> ledger.Accepted:
    return ledger.Accepted(
        queue_id=queue_id,
        listener=envelope.listener,
        dialect=envelope.dialect.name,
        friendly_from=verdict.friendly_from,
        transmission_id=ids[""],
        message_ids={recipient: ids[recipient] for recipient in verdict.recipients},
        suppressed=verdict.suppressed,
        left_out=verdict.left_out,
        warnings=verdict.warnings,
        tags_counted=envelope.credential.account.distinct_tags > 0,
        time=time,
    )


def _log_accepted(accepted: ledger.Accepted, envelope: Envelope, verdict: Verdict) -> None:
    log.info(
        "%s: transmission=%d, identity=%s, from=<%s>, nrcpt=%d, suppressed=%d, tracked=%s, copies=%s",
        *(accepted.queue_id, accepted.transmission_id, envelope.identity, accepted.friendly_from),
        *(len(verdict.going), len(verdict.suppressed), "yes" if verdict.options.tracked else "no"),
        "differ" if verdict.differing else "alike",
    )
    for warning in (*verdict.options.warnings, *verdict.warnings):
        log.warning("%s: %s: %s", accepted.queue_id, envelope.identity, warning)


def _job(envelope: Envelope, verdict: Verdict, links: Links, plan: hosting.Plan, ids: dict[str, int]) -> Job:
    """Return the rendering of the first recipient's copy, or that of copies that are alike.

    `ids` are those of the transmission (under "") and of each recipient's message.
    """
    going = verdict.going
    first = going[0] if len(going) == 1 or verdict.differing else None
    return Job(
        identity=envelope.identity,
        customer_id=envelope.credential.account.customer_id or envelope.identity.account,
        options=verdict.options,
        links=links,
        id=ids[first or ""],
        rcpt_to=first,
        control_headers=CONTROL_HEADERS,
        list_unsubscribe=verdict.list_unsubscribe and first is not None,
        return_path_domain=verdict.return_path_domain,
        files=plan.files,
        images=plan.images,
        append_tags=verdict.append_tags,
    )


def _rendering(
    sent: Message, verdict: Verdict, job: Job, jobs: Jobs, ids: dict[str, int]
) -> copies.Rendering:
    """Return what is queued of a message and what a recipient gets; nobody gets anything: as it came."""
    if not verdict.going:
        return copies.Rendering(sent, sent, sent, sent)
    if not verdict.differing:
        return copies.alike(sent, job)
    return copies.differing(
        sent, job, jobs, ids[""], {recipient: ids[recipient] for recipient in verdict.going}
    )


def _logged(what: str, identity: str, refusal: Refusal) -> Refusal:
    log.info("%s: %s: refused: %s", what, identity, refusal)
    return refusal
