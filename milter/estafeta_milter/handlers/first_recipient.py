"""Let To show the one recipient that is sent to, where the client named several (Devino).

To becomes the mailbox of that recipient as the client wrote it, name and all, or the bare address where To
does not hold it. Cc stays: it says who else was meant to read, and the provider speaks of To alone.

What is written is ASCII, see `addressees`. A local part outside ASCII can be written in no such way, so that
To then names nobody.
"""

import re
from collections.abc import Iterable

from estafeta_core import rfc2047
from estafeta_core.addresses import mailbox_key
from estafeta_core.headers import unfold, values
from estafeta_milter.address_list import Mailbox, mailboxes
from estafeta_milter.addressees import ascii_address, mailbox, with_field
from estafeta_milter.job import Job
from estafeta_milter.message.message import Message

NOBODY = b"undisclosed-recipients:;"  # RFC 5322 appendix A.1.3

_ESCAPED = re.compile(r"\\(.)")


def apply(message: Message, job: Job) -> Message:
    """Return `message` with one mailbox in To, if it had more."""
    if job.rcpt_to is None:
        return message
    named = [found for value in values(message.headers, "to") for found in mailboxes(value)]
    return with_field(message, "To", _field(named, job.rcpt_to)) if len(named) > 1 else message


def _field(named: Iterable[Mailbox], rcpt_to: str) -> bytes:
    """Return the value of a To that names `rcpt_to` alone."""
    key = mailbox_key(rcpt_to)
    own = next((found for found in named if found.key == key), None)
    if own is not None and own.written.isascii():
        return own.written
    if ascii_address(rcpt_to) is None:
        return NOBODY
    return mailbox(rcpt_to, _name(own.name) if own is not None else "")


def _name(written: bytes) -> str:
    """Return a name as a person reads it; "" for one that is not UTF-8, for nobody knows what it says."""
    try:
        name = unfold(written).decode()
    except UnicodeDecodeError:
        return ""
    return _ESCAPED.sub(r"\1", rfc2047.decode(name).strip('" '))
