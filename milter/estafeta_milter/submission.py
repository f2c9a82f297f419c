"""Stage `submission`: a message comes in from a client; whether it goes, and how it leaves.

Who sends it has been settled before (admission.py). At the final dot the rules are asked, the message is
rendered, its transmission made durable, and only then are the edits returned: whatever fails before leaves
nothing behind but a refusal.

Where copies differ, the message is queued with a job, and each copy is made of it when Postfix hands over its
recipient (delivery.py).
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from estafeta_core.dialects import DIALECTS
from estafeta_core.headers import Header
from estafeta_core.ids import IdSource
from estafeta_core.jobs import Jobs, TooManyCopiesError
from estafeta_core.links import Links
from estafeta_core.refusal import Refusal
from estafeta_core.store import Store, StoreUnavailable
from estafeta_core.store.rows import Row
from estafeta_milter import contacts, copies, edits, hosting, ledger
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
CONTROL_HEADERS = frozenset(name for dialect in DIALECTS.values() for name in dialect.control_headers)


class Discard:
    """Accepted, and sent to nobody: every recipient is suppressed."""


class Submission:
    """The decisions on whole messages, each on the configuration of its MAIL FROM."""

    def __init__(
        self,
        store: Store,
        ids: IdSource,
        deriving: Deriving,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._ids = ids
        self._deriving = deriving
        self._now = now

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
            log.info("%s: %s: refused: %s", queue_id, envelope.identity, outcome)
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
        room = self._room(envelope) if plan.contents or shown else 0
        if hosting.size(plan.contents) > room:
            return envelope.dialect.hosting_full(envelope.credential.account)
        if shown and hosting.size((*plan.contents, shown.content)) > room:  # the message is whole without it
            shown, verdict = None, replace(verdict, warnings=(*verdict.warnings, hosting.NO_ROOM))
        kept = [*plan.contents, *([shown.content] if shown else [])]
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

    def _room(self, envelope: Envelope) -> int:
        """Return how many bytes more the account may keep."""
        return envelope.snapshot.config.hosting.quota - self._store.kept(envelope.identity.account)

    def _contacts(
        self, envelope: Envelope, recipients: tuple[str, ...], transmission_id: int | None
    ) -> list[Row]:
        return contacts.rows(
            envelope.identity.account, recipients, transmission_id, group_id=self._ids.next(), now=self._now()
        )

    def _milliseconds(self) -> int:
        return int(self._now().timestamp() * 1000)


def _not_kept(envelope: Envelope, failure: BaseException | None) -> None:
    if failure is not None:
        log.error("%s: contacts are not kept: the store is unavailable: %s", envelope.identity, failure)


def _whole_size(envelope: Envelope, received: Message, queue_id: str) -> Refusal | None:
    """Return why a message is too large, as the client sent it."""
    if envelope.too_large(ledger.size(received)) is None:
        return None
    return envelope.too_large(ledger.size(as_sent(received, queue_id)))


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
