"""Have bounces come back to us, each naming its message (VERP)."""

from estafeta_milter.job import Job
from estafeta_milter.message.message import Message


def apply(message: Message, job: Job) -> Message:
    """Return `message` with a return address of ours, at the domain the job chose."""
    return message.with_sender(job.links.bounce_address(job.id, job.return_path_domain, shared=job.shared))
