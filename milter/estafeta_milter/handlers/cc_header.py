"""Show in every copy who else gets one: the addresses of the cc list, in Cc."""

from estafeta_milter.addressees import with_field
from estafeta_milter.job import Job
from estafeta_milter.message.message import Message

NAME = "Cc"


def apply(message: Message, job: Job) -> Message:
    """Return `message` with the Cc that was decided on, in the place of the client's."""
    return with_field(message, NAME, job.cc)
