"""Show a bcc recipient, and nobody else, that he was one."""

from estafeta_milter.addressees import mailbox, with_field
from estafeta_milter.job import Job
from estafeta_milter.message.message import Message

NAME = "Bcc"


def apply(message: Message, job: Job) -> Message:
    """Return `message` with a Bcc that names its one recipient."""
    return with_field(message, NAME, mailbox(job.rcpt_to or "", job.name))
