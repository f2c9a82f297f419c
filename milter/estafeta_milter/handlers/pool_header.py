"""Tell Postfix which pool of addresses the message leaves from.

`milter_header_checks` of its cleanup(8) leads a message with the field to the pool's transport, and smtp(8)
takes the field out on the way. One that a client wrote is gone by then (see `drop_control_headers`).
"""

from estafeta_core.rules.ip_pool import FIELD
from estafeta_milter.job import Job
from estafeta_milter.message.message import Message


def apply(message: Message, job: Job) -> Message:
    """Return `message` with the name of its pool."""
    return message.add_header(FIELD, job.pool.encode("ascii"))
