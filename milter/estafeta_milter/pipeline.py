"""The ordered table of handlers: what happens to a message that may go.

Read it aloud from top to bottom; a handler runs only when the job asks for it.
Everything was decided before the first handler runs.

Where every recipient needs a copy of its own, the second half of the table runs later, for one recipient at a
time and on the message that the first half made (see copies.py).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from estafeta_milter.handlers import (
    bcc_header,
    cc_header,
    dkim_signature,
    drop_control_headers,
    envelope_sender,
    first_recipient,
    head_and_foot,
    host_images,
    inline_css,
    link_attachments,
    list_unsubscribe,
    merge_tags,
    pool_header,
    to_utf8,
    track_engagement,
    x_msfbl,
)
from estafeta_milter.job import Job
from estafeta_milter.message.message import Message


@dataclass(frozen=True, slots=True)
class Step:
    """One handler and when it runs."""

    handler: Callable[[Message, Job], Message]
    when: Callable[[Job], bool]


# Once for the whole message: what is the same for all who get it.
FOR_ALL = (
    Step(drop_control_headers.apply, when=lambda _job: True),
    Step(link_attachments.apply, when=lambda job: bool(job.files)),
    Step(host_images.apply, when=lambda job: bool(job.images)),
    Step(to_utf8.apply, when=lambda job: job.options.to_utf8),
    Step(inline_css.apply, when=lambda job: job.options.inline_css),
    Step(cc_header.apply, when=lambda job: bool(job.cc)),
)

# Once for each copy: what tells its reader from the others.
FOR_EACH = (
    Step(first_recipient.apply, when=lambda job: job.options.first_recipient_only),
    Step(head_and_foot.apply, when=lambda job: bool(job.options.head or job.options.foot)),
    Step(merge_tags.apply, when=lambda job: job.options.merge_tags),
    Step(track_engagement.apply, when=lambda job: job.options.tracked),
    Step(bcc_header.apply, when=lambda job: job.kind == "bcc"),
    Step(list_unsubscribe.apply, when=lambda job: job.list_unsubscribe),
    Step(x_msfbl.apply, when=lambda _job: True),
    Step(envelope_sender.apply, when=lambda job: job.return_path_domain is not None),
    Step(pool_header.apply, when=lambda job: bool(job.pool)),
    Step(dkim_signature.apply, when=lambda job: bool(job.signers)),
)

PIPELINE = (*FOR_ALL, *FOR_EACH)


def transform(message: Message, job: Job, steps: Iterable[Step] = PIPELINE) -> Message:
    """Return `message` with every change that the job asks for; `rendered` makes bytes of it."""
    for step in steps:
        if step.when(job):
            message = step.handler(message, job)
    return message
