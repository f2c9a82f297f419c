"""Offer to unsubscribe with one click (RFC 2369, RFC 8058)."""

from estafeta_core.headers import Header
from estafeta_milter.job import Job
from estafeta_milter.message.message import Message

NAME = "List-Unsubscribe"
ONE_CLICK = Header("List-Unsubscribe-Post", b"List-Unsubscribe=One-Click")


def apply(message: Message, job: Job) -> Message:
    """Return `message` with both fields, mailto before https as SparkPost writes them."""
    mailto, url = job.links.unsubscribe_mailto(job.id), job.links.unsubscribe(job.id)
    offer = f"<mailto:{mailto}>,\n\t<{url}>"
    return message.with_headers((*message.headers, Header(NAME, offer.encode("ascii")), ONE_CLICK))
