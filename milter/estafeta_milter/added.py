"""What Postfix has added to a message before the milter sees it.

cleanup(8) writes From, Date and Message-ID where they are missing (`always_add_missing_headers`):

    From: <MAIL FROM, without brackets>
    Message-Id: <QUEUEID@hostname>          a short queue id, not unique, has the time and a dot before it

A Date could be anybody's. Where it matters, a few bytes of a client's own must not be counted for more than
they are, so each Date is taken for an added one.
"""

from estafeta_core.headers import Header
from estafeta_milter.message.message import Message


def as_sent(message: Message, queue_id: str) -> Message:
    """Return `message` without the fields that Postfix has added, as far as they can be told."""
    return message.with_headers(
        header for header in message.headers if not _is_added(header, message.sender, queue_id)
    )


def _is_added(header: Header, sender: str, queue_id: str) -> bool:
    match header.key:
        case "from":
            return header.value == sender.encode()
        case "message-id":
            # Before the @ is the queue id; a short one is made unique by the time in front of it.
            return header.value.partition(b"@")[0].endswith(queue_id.encode())
        case key:
            return key == "date"
