"""Recipients that are kept and grouped, message or not (Teenvio).

Each SMTP transaction with recipients makes a group, whatever becomes of its message. DATA with
nothing but the final dot imports the recipients and sends nothing.
"""

from collections.abc import Iterable
from datetime import datetime

from estafeta_core.addresses import mailbox_key
from estafeta_core.store import Store
from estafeta_core.store.reader import LATEST
from estafeta_core.store.rows import Contact, Group, GroupContact, Row
from estafeta_milter.added import as_sent
from estafeta_milter.message.message import Message

PAGE = 10  # groups looked at together: what is looked for is among the newest
MARK = "SMTP"  # by which a person tells what came this way


def is_import(message: Message, queue_id: str) -> bool:
    """Whether the client sent only the final dot: there is nothing but what Postfix adds."""
    return not message.body and not as_sent(message, queue_id).headers


def are_kept(store: Store, account: str, recipients: Iterable[str], *, since: int) -> bool:
    """Whether there is a group of just these recipients, made at `since` (Unix ms) or later."""
    wanted = set(map(mailbox_key, recipients))
    before = LATEST
    while page := store.groups(account, before=before, limit=PAGE):
        for found in page:
            if found.group.created < since:
                return False
            if found.contacts == len(wanted) and set(store.group_contacts(found.group.group_id)) == wanted:
                return True
        before = page[-1].group.group_id
    return False


def rows(
    account: str, recipients: Iterable[str], transmission_id: int | None, *, group_id: int, now: datetime
) -> list[Row]:
    """Return the group of one transaction and the contacts in it, each once."""
    created = int(now.timestamp() * 1000)
    known_as = dict.fromkeys(map(mailbox_key, recipients))
    lines: list[Row] = [Group(group_id, account, f"{MARK} {now:%Y-%m-%d %H:%M:%S}", transmission_id, created)]
    for address in known_as:
        lines += [Contact(account, address, created), GroupContact(group_id, address)]
    return lines
