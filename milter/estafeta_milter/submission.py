"""Stage `submission`: a message comes in from a client; whether it goes, and how it leaves.

Who sends it has been settled before (admission.py). At the final dot the rules are asked, the message is
rendered, its transmission made durable, and only then are the edits returned: whatever fails before leaves
nothing behind but a refusal.

Where copies differ, the message is queued with a job, and each copy is made of it when Postfix hands over its
recipient (delivery.py).
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from estafeta_core.headers import Header
from estafeta_core.ids import IdSource
from estafeta_core.refusal import Refusal
from estafeta_core.store import Store, StoreUnavailable
from estafeta_core.store.rows import Row
from estafeta_milter import contacts, edits, hosting, language, ledger, rejection
from estafeta_milter.allowance import Allowance
from estafeta_milter.derived import Derived, Deriving
from estafeta_milter.dkim.keyring import KeyUnavailableError
from estafeta_milter.message.message import Message
from estafeta_milter.proposal import Proposal, propose
from estafeta_milter.verdict import Envelope, Verdict

log = logging.getLogger(__name__)


class _About:
    """What the lines about one message begin with, and its fields in logs that have some."""

    __slots__ = ("fields", "text")

    def __init__(self, queue_id: str, envelope: Envelope) -> None:
        identity = str(envelope.identity)
        self.text = f"{queue_id}: {identity}"
        self.fields = {"queue_id": queue_id, "identity": identity}


class Discard:
    """Accepted, and sent to nobody: every recipient is suppressed."""


class Submission:
    """The decisions on whole messages, each on the configuration of its MAIL FROM."""

    def __init__(
        self,
        store: Store,
        ids: IdSource,
        deriving: Deriving,
        allowance: Allowance,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._ids = ids
        self._deriving = deriving
        self._allowance = allowance
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
        about = _About(queue_id, envelope)
        derived = self._deriving.of(envelope.snapshot)
        received = Message(envelope.sender, recipients, headers, body, derived.bounds)
        try:
            if envelope.dialect.keeps_contacts and contacts.is_import(received, queue_id):
                self._store.record(self._contacts(envelope, recipients, None))
                log.info("%s: contacts=%d, no message", about.text, len(recipients), extra=about.fields)
                return Discard()
            outcome = self._outcome(received, envelope, queue_id, derived)
        except KeyUnavailableError as failure:
            log.error("%s: deferred: cannot be signed: %s", about.text, failure, extra=about.fields)
            return envelope.dialect.store_failed
        except (StoreUnavailable, OSError) as failure:  # the store, or the folder of hosted files
            log.error("%s: deferred: cannot be kept: %s", about.text, failure, extra=about.fields)
            return envelope.dialect.store_failed
        if isinstance(outcome, Refusal):
            return self.refuse(outcome, envelope, queue_id, recipients, headers)
        return outcome

    def refuse(
        self,
        refusal: Refusal,
        envelope: Envelope,
        queue_id: str,
        recipients: tuple[str, ...],
        headers: tuple[Header, ...],
    ) -> Refusal:
        """Tell of a refusal, in the log and as events, and return it; nobody waits for the store."""
        about = _About(queue_id, envelope)
        self.left(envelope, recipients)
        log.info("%s: refused: %s", about.text, refusal, extra=about.fields)
        now = self._milliseconds()
        rows = rejection.rows(refusal, envelope, recipients, headers, ids=self._ids, time=now)
        try:
            if rows:
                written = self._store.submit(rows)
                written.add_done_callback(lambda future: _not_told(about, future.exception()))
        except StoreUnavailable as failure:
            _not_told(about, failure)
        return refusal

    def _outcome(
        self, received: Message, envelope: Envelope, queue_id: str, derived: Derived
    ) -> list[edits.Edit] | Discard | Refusal:
        proposal = propose(received, envelope, derived, store=self._store, ids=self._ids, queue_id=queue_id)
        if isinstance(proposal, Refusal):
            return proposal
        return self._accept(received, proposal, envelope, queue_id=queue_id, derived=derived)

    def _accept(
        self, received: Message, proposal: Proposal, envelope: Envelope, *, queue_id: str, derived: Derived
    ) -> list[edits.Edit] | Discard | Refusal:
        """Make what may go durable; the edits are to what was `received`."""
        verdict, rendering, job = proposal.verdict, proposal.rendering, proposal.job
        counted = len(received.recipients)
        total = counted + proposal.listed
        refusal = self._allowance.take(envelope, queue_id, total=total, counted=counted)
        if refusal is not None:
            return refusal
        accepted = _accepted(
            envelope,
            queue_id,
            proposal,
            time=self._milliseconds(),
            language=language.of(received, verdict.options),
        )
        recorded = rendering.final.with_sender(rendering.queued.sender)
        rows = ledger.rows(accepted, recorded, job, self._ids)
        rows += ledger.counts(verdict.recipients, _copies(verdict))
        kept = {derived.shelf.keep(content): len(content) for content in proposal.contents}
        rows += hosting.rows(accepted, job, proposal.shown, kept)
        if envelope.dialect.keeps_contacts:
            rows += self._contacts(envelope, received.recipients, proposal.ids.transmission)
        self._store.record(rows)
        _log_accepted(accepted, envelope, verdict)
        return list(proposal.changes) if verdict.going else Discard()

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
        fields = {"identity": str(envelope.identity)}
        log.error(
            "%s: contacts are not kept: the store is unavailable: %s",
            *(envelope.identity, failure),
            extra=fields,
        )


def _not_told(about: _About, failure: BaseException | None) -> None:
    if failure is not None:
        text = "%s: the refusal is no event: the store is unavailable: %s"
        log.error(text, about.text, failure, extra=about.fields)


def _accepted(
    envelope: Envelope, queue_id: str, proposal: Proposal, *, time: int, language: str
) -> ledger.Accepted:
    verdict = proposal.verdict
    return ledger.Accepted(
        queue_id=queue_id,
        listener=envelope.listener,
        dialect=envelope.dialect.name,
        friendly_from=verdict.friendly_from,
        transmission_id=proposal.ids.transmission,
        recipients=verdict.recipients,
        message_ids=proposal.ids.messages,
        suppressed=verdict.suppressed,
        left_out=verdict.left_out,
        warnings=verdict.warnings,
        tags_counted=envelope.credential.account.distinct_tags > 0,
        time=time,
        language=language,
    )


def _copies(verdict: Verdict) -> str:
    """Return how the copies are made, as log and counters call it: one queue file for all, or split."""
    if not verdict.going:
        return "none"
    return "differ" if verdict.differing else "alike"


def _log_accepted(accepted: ledger.Accepted, envelope: Envelope, verdict: Verdict) -> None:
    fields = {
        "queue_id": accepted.queue_id,
        "transmission_id": accepted.transmission_id,
        "identity": envelope.identity,
    }
    log.info(
        "%s: transmission=%d, identity=%s, from=<%s>, nrcpt=%d, suppressed=%d, tracked=%s, copies=%s",
        *(accepted.queue_id, accepted.transmission_id, envelope.identity, accepted.friendly_from),
        *(len(verdict.going), len(verdict.suppressed), "yes" if verdict.options.tracked else "no"),
        _copies(verdict),
        extra=fields,
    )
    for warning in (*verdict.options.warnings, *verdict.warnings):
        log.warning("%s: %s: %s", accepted.queue_id, envelope.identity, warning, extra=fields)
