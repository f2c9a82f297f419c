"""One message for all, or a copy for each: what is queued, and what a recipient gets.

Where nothing tells the recipients apart, or there is one only, the message is transformed and queued as it
shall leave (`alike`). Where copies differ, what they share is queued with a job (`differing`), and each of
them is made of it when Postfix hands over its one recipient (`finished`). The first one is made at once as
well, so that whatever could go wrong goes wrong while the client still waits for its answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from estafeta_core.identity import Identity
from estafeta_core.jobs import FIELD, Copy, Jobs, Order, content
from estafeta_core.links import Links
from estafeta_core.rules.dkim_key import Signing
from estafeta_milter.dkim.keyring import Signer
from estafeta_milter.job import Job
from estafeta_milter.message.message import Message
from estafeta_milter.message.part import Bounds, Unscannable
from estafeta_milter.pipeline import FOR_ALL, FOR_EACH, transform

# A message that was taken apart when it came is taken apart again, though it has a field more by then and
# the bounds may have been set anew; one that was not stays as it is.
_TAKEN_APART = Bounds(*[1 << 40] * 5)  # more bytes than any message has
_UNTOUCHED = Bounds(header_count=-1)


@dataclass(frozen=True, slots=True)
class Rendering:
    """A message that may go."""

    queued: Message
    """As Postfix shall queue it."""
    shared: Message
    """What is handed over: the queued message without its job."""
    copy: Message
    """The first recipient's copy, or everybody's, not yet in bytes."""
    final: Message
    """The same in bytes."""


def alike(message: Message, job: Job) -> Rendering:
    """Return the rendering that serves everybody."""
    copy = transform(message, job)
    final = copy.rendered()
    return Rendering(queued=final, shared=final, copy=copy, final=final)


@dataclass(frozen=True, slots=True)
class Together:
    """What the copies of one transmission have in common beside their rendering."""

    transmission_id: int
    copies: Mapping[str, Copy]  # by the addresses of their recipients
    first_id: int  # the message of the first RCPT TO
    signing: Signing | None


def differing(message: Message, job: Job, jobs: Jobs, together: Together) -> Rendering:
    """Return the rendering for several recipients; `job` is that of the first one.

    TooManyCopiesError when there are more than the job has room for.
    """
    structured = not isinstance(message.structure, Unscannable)
    shared = transform(message, job, FOR_ALL).rendered()
    order = Order(
        transmission_id=together.transmission_id,
        identity=str(job.identity),
        customer_id=job.customer_id,
        options=job.options,
        list_unsubscribe=job.list_unsubscribe,
        return_path_domain=job.return_path_domain,
        append_tags=job.append_tags,
        structured=structured,
        content=content(shared.headers, shared.body),
        first_id=together.first_id,
        pool=job.pool,
        signing=together.signing,
    )
    queued = shared.add_header(FIELD, jobs.write(order, together.copies))
    if job.return_path_domain is not None:
        # Should the copies never be made, Postfix says so to this address.
        sender = job.links.bounce_address(together.transmission_id, job.return_path_domain, shared=True)
        queued = queued.with_sender(sender)
    copy = _finished(shared, job, structured=structured)
    return Rendering(queued, shared, copy, copy.rendered())


def finished(shared: Message, order: Order, copy: Copy, links: Links, signers: tuple[Signer, ...]) -> Message:
    """Return the copy of the one recipient of `shared`, which is the queued message without its job."""
    job = Job(
        identity=Identity.parse(order.identity),
        customer_id=order.customer_id,
        options=order.options,
        links=links,
        id=copy.message_id,
        body_id=order.first_id if copy.kind == "archive" else copy.message_id,
        rcpt_to=shared.recipients[0],
        control_headers=frozenset(),
        list_unsubscribe=order.list_unsubscribe,
        return_path_domain=order.return_path_domain,
        append_tags=order.append_tags,
        kind=copy.kind,
        name=copy.name,
        pool=order.pool,
        signers=signers,
    )
    return _finished(shared, job, structured=order.structured).rendered()


def _finished(shared: Message, job: Job, *, structured: bool) -> Message:
    bounds = _TAKEN_APART if structured else _UNTOUCHED
    return transform(replace(shared, bounds=bounds), job, FOR_EACH)
