"""Who gets a message: RCPT TO and the lists of the message, each mailbox once."""

from collections.abc import Sequence

from estafeta_core.addresses import mailbox_key
from estafeta_core.options import Addressee, Options
from estafeta_core.recipients import Kind, Recipient


def recipients(rcpt_to: Sequence[str], options: Options) -> tuple[Recipient, ...]:
    """Return every recipient as it was written first, in the order RCPT TO, cc, bcc, archive.

    An address that stands in several places belongs to the first of them.
    """
    if len(rcpt_to) == 1 and not (options.cc or options.bcc or options.archive):
        return (Recipient(rcpt_to[0]),)
    by_key: dict[str, Recipient] = {}
    for address in rcpt_to:
        by_key.setdefault(mailbox_key(address), Recipient(address))
    lists: dict[Kind, tuple[Addressee, ...]] = {
        "cc": options.cc,
        "bcc": options.bcc,
        "archive": options.archive,
    }
    for kind, addressees in lists.items():
        for each in addressees:
            by_key.setdefault(mailbox_key(each.email), Recipient(each.email, kind, each.name))
    return tuple(by_key.values())
