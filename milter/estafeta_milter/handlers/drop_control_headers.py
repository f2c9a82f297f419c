"""Take out what steers the service: control headers and everything of ours.

A recipient never sees them, and a header of ours that a client wrote says nothing:
it is removed unread.
"""

from estafeta_core.dialects import DIALECTS
from estafeta_milter.job import Job
from estafeta_milter.message.message import Message

PREFIXES = (
    "x-estafeta-",
    *(prefix for dialect in DIALECTS.values() for prefix in dialect.control_prefixes),
)


def apply(message: Message, job: Job) -> Message:
    """Return `message` without control headers."""
    kept = [header for header in message.headers if not _steers(header.key, job)]
    return message if len(kept) == len(message.headers) else message.with_headers(kept)


def _steers(key: str, job: Job) -> bool:
    return key in job.control_headers or key.startswith(PREFIXES) or key.startswith(job.control_prefixes)
