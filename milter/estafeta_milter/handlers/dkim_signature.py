"""Sign the message as it leaves (RFC 6376): the last handler, for nothing may change behind it.

smtp(8) breaks what is longer than 998 bytes on a line (RFC 5321 section 4.5.3.1.6: 1,000 with the line end)
after all milters, and with it every signature. A body that has such a line is therefore broken here, at the
same places in the same way: its reader gets the bytes that he would have got, and the signature holds.
"""

from estafeta_milter.dkim.lines import broken
from estafeta_milter.dkim.signature import NAME, Hashed
from estafeta_milter.job import Job
from estafeta_milter.message.message import Message


def apply(message: Message, job: Job) -> Message:
    """Return `message`, in bytes, with a signature of each signer."""
    message = message.rendered()
    body = broken(message.body)
    if body is not message.body:
        message = Message(message.sender, message.recipients, message.headers, body, message.bounds)
    hashed = Hashed.of(message.headers, message.body)
    for signer in job.signers:
        message = message.add_header(NAME, signer.sign(hashed))
    return message
