"""Who a message says it comes from, and whether this identity may say so.

Each provider looks at some of four places (`Dialect.sender_fields`):

MAIL FROM    The null sender has no domain that would have to be verified, but it is no verified address
             either: where addresses are verified it is refused.
From         Always one address that every reader sees alike. Where the provider does not look at it, any
             address of a verified domain will do as well: nobody sends as somebody else.
Sender       Every address in it, and none at all, may stand there.
Reply-To     The same.
"""

from collections.abc import Sequence

from estafeta_core.addresses import mailbox_of_from, mailboxes
from estafeta_core.dialects.base import Dialect, SenderField
from estafeta_core.directory import Credential
from estafeta_core.headers import Header, unfold, values
from estafeta_core.refusal import Refusal
from estafeta_core.rules import verified_sender

NULL_SENDER = "<>"  # as it is shown in a refusal

_OTHERS: tuple[SenderField, ...] = ("sender", "reply-to")


def check_envelope(
    sender: str, credential: Credential, subaccount: str | None, dialect: Dialect
) -> Refusal | None:
    """Return why MAIL FROM may not name `sender`, given without angle brackets."""
    if "mail from" not in dialect.sender_fields(credential.account):
        return None
    if not sender:
        verifies_addresses = dialect.sender_check == "address"
        return dialect.sender_refused(NULL_SENDER, credential.account) if verifies_addresses else None
    return verified_sender.check(sender, credential, subaccount, dialect)


def check_fields(
    headers: Sequence[Header], credential: Credential, subaccount: str | None, dialect: Dialect
) -> Refusal | None:
    """Return why a message with these fields may not go."""
    fields = dialect.sender_fields(credential.account)
    mailbox = mailbox_of_from(headers)
    if mailbox is None:
        return _unreadable_from(headers, credential, dialect)
    refusal = verified_sender.check(mailbox, credential, subaccount, dialect)
    if refusal is not None and "from" not in fields:
        refusal = verified_sender.check(mailbox, credential, subaccount, dialect, by_domain=True)
    for name in _OTHERS:
        if refusal is None and name in fields:
            refusal = _check_all(headers, name, credential, subaccount, dialect)
    return refusal


def _unreadable_from(headers: Sequence[Header], credential: Credential, dialect: Dialect) -> Refusal:
    """Return the refusal of a From that does not show one address to all readers.

    A provider that verifies addresses says its text of the whole field; of a domain nothing could be said.
    """
    if dialect.sender_check == "domain":
        return verified_sender.UNREADABLE
    return dialect.sender_refused(_shown(headers, "from"), credential.account)


def _check_all(
    headers: Sequence[Header], name: str, credential: Credential, subaccount: str | None, dialect: Dialect
) -> Refusal | None:
    found = mailboxes(headers, name)
    if found is None:
        return dialect.sender_refused(_shown(headers, name), credential.account)
    checks = (verified_sender.check(address, credential, subaccount, dialect) for address in found)
    return next(filter(None, checks), None)


def _shown(headers: Sequence[Header], name: str) -> str:
    """Return the fields called `name` as they can stand in a reply."""
    return b", ".join(map(unfold, values(headers, name))).decode("utf-8", "replace")
