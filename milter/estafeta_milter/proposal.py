"""What would become of a message: everything decided and rendered, and nothing written down yet.

The final dot makes a proposal durable and carries it out (submission.py); `estafeta explain` shows it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from estafeta_core.dialects import DIALECTS
from estafeta_core.ids import IdSource
from estafeta_core.jobs import Copy, TooManyCopiesError
from estafeta_core.recipients import Recipient
from estafeta_core.refusal import Refusal
from estafeta_core.store import Store
from estafeta_milter import copies, edits, hosting, ledger
from estafeta_milter.added import as_sent
from estafeta_milter.derived import Derived
from estafeta_milter.job import Job
from estafeta_milter.message.mend import mended
from estafeta_milter.message.message import Message
from estafeta_milter.verdict import Envelope, Verdict, decide

# Header edits to one message. Postfix goes through the queue file for each of them: 1,000 take it 0.05 s,
# 6,000 take 1.2 s, and so on with the square. The fields are the service's, and a client sets one or two.
EDITS = 100
TOO_MANY_EDITS = Refusal(550, "5.6.0", f"More than {EDITS} header fields that belong to this service")
TOO_MANY_COPIES = Refusal(
    550, "5.5.3", "Too many copies that differ, or too long names of bcc recipients; send to fewer at a time"
)
CONTROL_HEADERS = frozenset(name for dialect in DIALECTS.values() for name in dialect.control_headers)


@dataclass(frozen=True, slots=True)
class Ids:
    """What a transmission and its messages are known by."""

    transmission: int
    messages: Mapping[str, int]  # by the address of a recipient


@dataclass(frozen=True, slots=True)
class Proposal:
    """A message that may go."""

    verdict: Verdict
    ids: Ids
    job: Job  # of the first copy, or of all where they are alike
    plan: hosting.Plan
    rendering: copies.Rendering
    changes: tuple[edits.Edit, ...]  # to the message as it came
    shown: hosting.Shown | None = None  # the web version, where one is kept

    @property
    def contents(self) -> tuple[bytes, ...]:
        """What is kept of the message."""
        return (*self.plan.contents, *([self.shown.content] if self.shown else []))

    @property
    def listed(self) -> int:
        """How many recipients it is sent to whom RCPT TO did not name."""
        return sum(recipient.kind != "" for recipient in self.verdict.going)


def propose(
    received: Message, envelope: Envelope, derived: Derived, *, store: Store, ids: IdSource, queue_id: str
) -> Proposal | Refusal:
    """Decide on a whole message; StoreUnavailable when suppression cannot be looked up."""
    read = mended(received) if envelope.dialect.mends_multiparts else received
    verdict = _whole_size(envelope, received, queue_id) or decide(read, envelope, store)
    if isinstance(verdict, Refusal):
        return verdict
    given = Ids(ids.next(), {recipient.address: ids.next() for recipient in verdict.recipients})
    plan = hosting.plan(read, verdict.options, derived.links, given.transmission)
    job = _job(envelope, verdict, derived, plan, given)
    sent = _addressed(read, verdict.going)
    try:
        rendering = _rendering(sent, verdict, job, derived, given)
    except TooManyCopiesError:
        return TOO_MANY_COPIES
    changes = edits.difference(received, rendering.queued)
    later = edits.difference(rendering.shared, rendering.final)
    if max(_fields(changes), _fields(later)) > EDITS:
        return TOO_MANY_EDITS
    shown = hosting.shown(rendering.copy) if verdict.going and verdict.options.keep_content else None
    proposal = Proposal(verdict, given, job, plan, rendering, tuple(changes), shown)
    return _within_quota(proposal, envelope, store)


def _within_quota(proposal: Proposal, envelope: Envelope, store: Store) -> Proposal | Refusal:
    """Return the proposal as far as the account has room for it: it is whole without its web version."""
    if not proposal.contents:
        return proposal
    account = envelope.credential.account
    room = envelope.snapshot.config.hosting.quota - store.kept(account.account)
    if hosting.size(proposal.plan.contents) > room:
        return envelope.dialect.hosting_full(account)
    if hosting.size(proposal.contents) <= room:
        return proposal
    verdict = proposal.verdict
    warned = replace(verdict, warnings=(*verdict.warnings, hosting.NO_ROOM))
    return replace(proposal, verdict=warned, shown=None)


def _whole_size(envelope: Envelope, received: Message, queue_id: str) -> Refusal | None:
    """Return why a message is too large, as the client sent it."""
    if envelope.too_large(ledger.size(received)) is None:
        return None
    return envelope.too_large(ledger.size(as_sent(received, queue_id)))


def _addressed(read: Message, going: tuple[Recipient, ...]) -> Message:
    addresses = tuple(recipient.address for recipient in going)
    return read if addresses == read.recipients else read.with_recipients(addresses)


def _fields(changes: list[edits.Edit]) -> int:
    """Return how many of the changes are to header fields."""
    return sum(isinstance(change, edits.OF_HEADERS) for change in changes)


def _job(
    envelope: Envelope,
    verdict: Verdict,
    derived: Derived,
    plan: hosting.Plan,
    ids: Ids,
) -> Job:
    """Return the rendering of the first recipient's copy, or that of copies that are alike."""
    going = verdict.going
    first = going[0] if going and (len(going) == 1 or verdict.differing) else None
    account = envelope.credential.account
    id_ = ids.transmission if first is None else ids.messages[first.address]
    archived = first is not None and first.kind == "archive"
    return Job(
        identity=verdict.identity,
        customer_id=account.customer_id or envelope.identity.account,
        options=verdict.options,
        links=derived.links,
        id=id_,
        body_id=ids.messages[verdict.first.address] if archived else id_,
        rcpt_to=first.address if first is not None else None,
        control_headers=CONTROL_HEADERS | envelope.dialect.own_headers,
        control_prefixes=envelope.dialect.own_prefixes,
        list_unsubscribe=verdict.list_unsubscribe and first is not None,
        return_path_domain=verdict.return_path_domain,
        files=plan.files,
        images=plan.images,
        append_tags=verdict.append_tags,
        kind=first.kind if first is not None else "",
        name=first.name if first is not None else "",
        cc=verdict.cc,
        pool=verdict.pool,
        signers=derived.keyring.signers(account.account, verdict.signing) if going else (),
    )


def _rendering(
    sent: Message,
    verdict: Verdict,
    job: Job,
    derived: Derived,
    ids: Ids,
) -> copies.Rendering:
    """Return what is queued of a message and what a recipient gets; nobody gets anything: as it came."""
    if not verdict.going:
        return copies.Rendering(sent, sent, sent, sent)
    if not verdict.differing:
        return copies.alike(sent, job)
    together = copies.Together(
        transmission_id=ids.transmission,
        copies={each.address: _copy(each, ids.messages[each.address]) for each in verdict.going},
        first_id=ids.messages[verdict.first.address],
        signing=verdict.signing,
    )
    return copies.differing(sent, job, derived.jobs, together)


def _copy(recipient: Recipient, message_id: int) -> Copy:
    return Copy(message_id, recipient.kind, recipient.name if recipient.kind == "bcc" else "")
