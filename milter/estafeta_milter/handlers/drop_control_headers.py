"""Take out what steers the service: control headers and everything of ours.

A recipient never sees them, and a header of ours that a client wrote says nothing:
it is removed unread.
"""

from estafeta_milter.job import Job
from estafeta_milter.message.message import Message

OURS = "x-estafeta-"


def apply(message: Message, job: Job) -> Message:
    """Return `message` without control headers."""
    doomed = {
        header.key
        for header in message.headers
        if header.key in job.control_headers or header.key.startswith(OURS)
    }
    return message.without_headers(doomed) if doomed else message
