"""The difference between a message as it came and as it shall leave, as milter calls.

Handlers change a plain `Message`; this module alone knows in what order and under
which numbers Postfix must be told. A `Header` that is the same object in both
messages stands as it came, byte for byte.

An occurrence counts fields of the same name from 1, as smfi_chgheader does. Postfix
counts only fields that are still there, so deletions go from the last to the first.
Postfix appends what is added; a new field that stands where one of its name stood is a
change, which keeps the place. So the message leaves exactly as the last handler returned it,
as long as fields that stay keep their order and others are put behind them.
"""

import msgspec

from estafeta_core.headers import Header
from estafeta_milter.addressees import ascii_address
from estafeta_milter.message.message import Message


class DeleteHeader(msgspec.Struct, frozen=True, gc=False):
    """Take away the `occurrence`th field called `name`."""

    name: str
    occurrence: int


class ChangeHeader(msgspec.Struct, frozen=True, gc=False):
    """Give the `occurrence`th field called `name` another value."""

    name: str
    occurrence: int
    value: str


class AddHeader(msgspec.Struct, frozen=True, gc=False):
    """Append a field."""

    name: str
    value: str


class DeleteRecipient(msgspec.Struct, frozen=True, gc=False):
    """Take a recipient off the envelope."""

    address: str


class AddRecipient(msgspec.Struct, frozen=True, gc=False):
    """Put a recipient on the envelope."""

    address: str


class ChangeSender(msgspec.Struct, frozen=True, gc=False):
    """Set the envelope sender."""

    address: str


class ReplaceBody(msgspec.Struct, frozen=True, gc=False):
    """Put another body in the place of the whole body."""

    body: bytes


Edit = DeleteHeader | ChangeHeader | AddHeader | DeleteRecipient | AddRecipient | ChangeSender | ReplaceBody
OF_HEADERS = (DeleteHeader, ChangeHeader, AddHeader)


def difference(before: Message, after: Message) -> list[Edit]:
    """Return the calls that make `before` into `after`, a rendered message."""
    edits: list[Edit] = []
    if after.sender != before.sender:
        edits.append(ChangeSender(after.sender))
    if after.recipients is not before.recipients:
        edits += _recipient_edits(before.recipients, after.recipients)
    if after.headers is not before.headers:
        edits += _header_edits(before.headers, after.headers)
    if after.body is not before.body:
        edits.append(ReplaceBody(after.body))
    return edits


def _recipient_edits(before: tuple[str, ...], after: tuple[str, ...]) -> list[Edit]:
    """Return a deletion for each spelling of a recipient that is gone, and who is new.

    Postfix queues one of several spellings that differ in case alone, and deletes by the exact one. It sends
    an address outside ASCII to hosts with SMTPUTF8 alone, so that domains are told in A-labels.
    """
    kept = {address.lower() for address in after}
    there = {address.lower() for address in before}
    return [
        *(DeleteRecipient(address) for address in dict.fromkeys(before) if address.lower() not in kept),
        *(
            AddRecipient(ascii_address(address) or address)
            for address in after
            if address.lower() not in there
        ),
    ]


def _header_edits(before: tuple[Header, ...], after: tuple[Header, ...]) -> list[Edit]:
    """Return changes, then deletions from last to first, then additions."""
    there = {id(header) for header in before}
    stays = {id(header) for header in after}
    changes: list[Edit] = []
    deletions: list[Edit] = []
    added: list[Header] = []
    seen: dict[str, int] = {}
    place = 0  # in `after`
    for header in before:
        key = header.key
        occurrence = seen[key] = seen.get(key, 0) + 1
        if id(header) in stays:
            while after[place] is not header:
                added.append(after[place])
                place += 1
            place += 1
        elif place < len(after) and id(after[place]) not in there and after[place].key == key:
            changes.append(ChangeHeader(after[place].name, occurrence, _text(after[place])))
            place += 1
        else:  # Postfix finds a field by its name alone, without the white space that may follow it
            deletions.append(DeleteHeader(header.name.rstrip(), occurrence))
    added += after[place:]
    return [*changes, *reversed(deletions), *(AddHeader(header.name, _text(header)) for header in added)]


def _text(header: Header) -> str:
    """Return the value as pymilter takes it: ours is ASCII, what it holds of the client's may be UTF-8."""
    return header.value.decode()
