"""Stage `submission`: a message comes in from a client; whether it goes, and how it leaves.

At MAIL the credential is asked again, so that a key revoked a second ago stops in an
open session. At the final dot the rules are asked, the message is rendered, its
transmission made durable, and only then are the edits returned: whatever fails before
leaves nothing behind but a refusal.

One rendering serves every recipient here: a message whose copies would differ goes to
one recipient only.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from estafeta_core.config.live import Live
from estafeta_core.config.load import Snapshot
from estafeta_core.dialects import DIALECTS
from estafeta_core.directory import Credential
from estafeta_core.headers import Header
from estafeta_core.identity import Identity
from estafeta_core.ids import IdSource
from estafeta_core.links import Links
from estafeta_core.refusal import Refusal
from estafeta_core.rules import credential_active, sender_syntax, standing
from estafeta_core.store import Store, StoreUnavailable
from estafeta_milter import edits, ledger
from estafeta_milter.job import Job
from estafeta_milter.message.message import Message
from estafeta_milter.message.part import Bounds
from estafeta_milter.pipeline import render
from estafeta_milter.verdict import Envelope, Verdict, decide

log = logging.getLogger(__name__)

# Header edits to one message. Postfix goes through the queue file for each of them: 1,000 take it 0.05 s,
# 6,000 take 1.2 s, and so on with the square. The fields are the service's, and a client sets one or two.
EDITS = 100
TOO_MANY_EDITS = Refusal(550, "5.6.0", f"More than {EDITS} header fields that belong to this service")
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
        self._derived: tuple[Snapshot, Links, Bounds] | None = None

    def mail(
        self, *, identity: str, listener: str, client_address: str, secured: bool, sender: str
    ) -> Envelope | Refusal:
        """Decide on MAIL FROM; `identity` is what the SASL back end returned, "" where nobody logged in."""
        if not identity:
            return standing.AUTHENTICATION_REQUIRED
        who = Identity.parse(identity)
        snapshot = self._live.current
        found = self._credential(snapshot, who, client_address, secured)
        if isinstance(found, Refusal) and self._live.catch_up(snapshot):
            # The SASL back end may have let in a key made a moment ago, and a refusal is final: look again.
            snapshot = self._live.current
            found = self._credential(snapshot, who, client_address, secured)
        if isinstance(found, Refusal):
            return _logged("MAIL", identity, found)
        if (refusal := sender_syntax.check(sender)) is not None:
            return _logged("MAIL", identity, refusal)
        return Envelope(snapshot, who, found, listener, sender)

    def end(
        self,
        envelope: Envelope,
        queue_id: str,
        recipients: tuple[str, ...],
        headers: tuple[Header, ...],
        body: bytes,
    ) -> list[edits.Edit] | Discard | Refusal:
        """Decide on a whole message, make its transmission durable, and return how to edit it."""
        links, bounds = self._of(envelope.snapshot)
        received = Message(envelope.sender, recipients, headers, body, bounds)
        try:
            verdict = decide(received, envelope, self._store)
            if isinstance(verdict, Refusal):
                return _logged(queue_id, str(envelope.identity), verdict)
            return self._accept(received, envelope, queue_id, verdict, links)
        except StoreUnavailable as failure:
            log.error("%s: %s: deferred: the store is unavailable: %s", queue_id, envelope.identity, failure)
            return envelope.dialect.store_failed

    def _accept(
        self, received: Message, envelope: Envelope, queue_id: str, verdict: Verdict, links: Links
    ) -> list[edits.Edit] | Discard | Refusal:
        going = verdict.going
        transmission_id = self._ids.next()
        message_ids = {recipient: self._ids.next() for recipient in verdict.recipients}
        job = _job(envelope, verdict, links, transmission_id, message_ids)
        sent = received if going == received.recipients else received.with_recipients(going)
        final = render(sent, job) if going else received
        changes = edits.difference(received, final)
        if len(changes) > EDITS + len(received.recipients):
            return _logged(queue_id, str(envelope.identity), TOO_MANY_EDITS)
        accepted = ledger.Accepted(
            queue_id=queue_id,
            listener=envelope.listener,
            dialect=envelope.dialect.name,
            friendly_from=verdict.friendly_from,
            transmission_id=transmission_id,
            message_ids=message_ids,
            suppressed=verdict.suppressed,
            tags_counted=envelope.credential.account.distinct_tags > 0,
            time=int(self._now().timestamp() * 1000),
        )
        self._store.record(ledger.rows(accepted, final, job, self._ids))
        log.info(
            "%s: transmission=%d, identity=%s, from=<%s>, nrcpt=%d, suppressed=%d, tracked=%s",
            *(queue_id, transmission_id, envelope.identity, verdict.friendly_from),
            *(len(going), len(verdict.suppressed), "yes" if verdict.options.tracked else "no"),
        )
        return changes if going else Discard()

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

    def _of(self, snapshot: Snapshot) -> tuple[Links, Bounds]:
        """Return what a snapshot gives every message, worked out once a reload."""
        derived = self._derived
        if derived is None or derived[0] is not snapshot:
            mime = snapshot.config.mime
            bounds = Bounds(mime.depth, mime.parts, mime.header_count, mime.header_bytes)
            derived = self._derived = (snapshot, Links.from_config(snapshot.config), bounds)
        return derived[1], derived[2]


def _job(
    envelope: Envelope, verdict: Verdict, links: Links, transmission_id: int, message_ids: dict[str, int]
) -> Job:
    """Return the one rendering of a message: its recipient's, or that of copies that are alike."""
    going = verdict.going
    alone = going[0] if len(going) == 1 else None
    return Job(
        identity=envelope.identity,
        customer_id=envelope.credential.account.customer_id or envelope.identity.account,
        options=verdict.options,
        links=links,
        id=transmission_id if alone is None else message_ids[alone],
        rcpt_to=alone,
        control_headers=CONTROL_HEADERS,
        list_unsubscribe=verdict.list_unsubscribe and alone is not None,
        return_path_domain=verdict.return_path_domain,
    )


def _logged(what: str, identity: str, refusal: Refusal) -> Refusal:
    log.info("%s: %s: refused: %s", what, identity, refusal)
    return refusal
