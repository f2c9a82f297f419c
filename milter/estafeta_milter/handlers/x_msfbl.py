"""Say whose message it is to a feedback loop (SparkPost's X-MSFBL).

A complaint that quotes the header leads back to the account, the subaccount and the
message; the code in front of it keeps anyone from making one up.
"""

from estafeta_milter.job import Job
from estafeta_milter.message.message import Message

NAME = "X-MSFBL"
CHUNK = 76  # bytes of base64 on a line (RFC 2045 section 6.8); readers drop the white space


def apply(message: Message, job: Job) -> Message:
    """Return `message` with an X-MSFBL of ours, and none of the client's."""
    value = job.links.msfbl(job.customer_id, job.identity.subaccount or "0", job.id, job.rcpt_to)
    folded = "\n\t".join(value[start : start + CHUNK] for start in range(0, len(value), CHUNK))
    return message.without_headers((NAME,)).add_header(NAME, folded.encode("ascii"))
