"""Signed token -> the messages that a report speaks of.

A token of one copy names message and recipient by itself. One that all copies share names the transmission,
and then the report has to name the recipient: whom it names besides the transmission's own is nobody here.
So it is for every token where the names were guessed from words.
"""

from collections.abc import Iterable

from estafeta_core.addresses import mailbox_key
from estafeta_core.store import Copy, Store


def copies(
    store: Store, id_: int, recipients: Iterable[str], *, shared: bool, guessed: bool = False
) -> list[Copy]:
    """Return the messages of a token, each once; StoreUnavailable when the store cannot be asked."""
    keys = dict.fromkeys(mailbox_key(recipient) for recipient in recipients)
    if not shared:
        copy = store.message(id_)
        return [] if copy is None or (guessed and copy.message.rcpt_to not in keys) else [copy]
    found = (store.copy_in(id_, key) for key in keys)
    return list({copy.message.message_id: copy for copy in found if copy is not None}.values())
