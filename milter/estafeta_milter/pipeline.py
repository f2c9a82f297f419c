"""The ordered table of handlers: what happens to a message that may go.

Read it aloud from top to bottom; a handler runs only when the job asks for it.
Everything was decided before the first handler runs.
"""

from collections.abc import Callable
from dataclasses import dataclass

from estafeta_milter.handlers import (
    drop_control_headers,
    envelope_sender,
    list_unsubscribe,
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


PIPELINE = (
    Step(drop_control_headers.apply, when=lambda _job: True),
    Step(track_engagement.apply, when=lambda job: job.options.tracked),
    Step(list_unsubscribe.apply, when=lambda job: job.list_unsubscribe),
    Step(x_msfbl.apply, when=lambda _job: True),
    Step(envelope_sender.apply, when=lambda job: job.return_path_domain is not None),
)


def render(message: Message, job: Job) -> Message:
    """Return `message` as it shall leave."""
    for step in PIPELINE:
        if step.when(job):
            message = step.handler(message, job)
    return message.rendered()
