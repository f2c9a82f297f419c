"""Signed token -> the messages that a report speaks of.

A token of one copy names message and recipient by itself. One that all copies share names the transmission,
and then the report has to name the recipient: whom it names besides the transmission's own is nobody here.
"""

from collections.abc import Iterable

from estafeta_core.addresses import mailbox_key
from estafeta_core.store import Copy, Store


def copies(store: Store, id_: int, recipients: Iterable[str], *, shared: bool) -> list[Copy]:
    """Return the messages of a token, each once; StoreUnavailable when the store cannot be asked."""
    if not shared:
        copy = store.message(id_)
        return [] if copy is None else [copy]
    keys = dict.fromkeys(mailbox_key(recipient) for recipient in recipients)
    found = (store.copy_in(id_, key) for key in keys)
    return list({copy.message.message_id: copy for copy in found if copy is not None}.values())
