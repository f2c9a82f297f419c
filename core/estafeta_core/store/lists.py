"""What an account has: sends and what became of them, groups, contacts, contents, kept files.

Lists come newest first, in pages: `before` is the id of the last one seen. Ids rise with time.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields

from estafeta_core.store.reader import LATEST, TRANSMISSION_COLUMNS, Reader, as_id
from estafeta_core.store.rows import Contact, Content, Eventful, Expiring, Group, Transmission
from estafeta_core.store.statements import Values, read_transmission


@dataclass(frozen=True, slots=True)
class Send:
    """A transmission, and how many of its recipients did what; only people count."""

    transmission: Transmission
    recipients: int
    opened: int
    clicked: int


@dataclass(frozen=True, slots=True)
class ContactGroup:
    """A group, and how many contacts are in it."""

    group: Group
    contacts: int


@dataclass(frozen=True, slots=True)
class Fate:
    """What has become of a recipient's copy so far; the fields are in the order of `queries.FATES`."""

    left_out: bool  # the provider sends to the first recipient only
    suppressed: bool
    delivered: bool  # at some time
    bounced: bool  # refused while Postfix was delivering it
    returned: bool  # refused in a report that came by mail
    failed: bool  # refused, suppressed or returned, and not delivered after that
    opened: bool  # by a person
    clicked: bool  # by a person
    unsubscribed: bool
    proxied: bool  # opened through the image proxy of a mailbox provider
    prefetched: bool  # its pixel was loaded by anything else that is no person
    scanned: bool  # a link of it was followed by what is no person


class Lists(Reader):
    """The questions of people, and of whoever clears up; see the module's page."""

    def sends(self, account: str | None = None, *, before: int = LATEST, limit: int = 100) -> list[Send]:
        """Return the transmissions of an account, or of all."""
        rows = self._page("sends", account, before, limit)
        return [
            Send(read_transmission(row[:TRANSMISSION_COLUMNS]), *row[TRANSMISSION_COLUMNS:]) for row in rows
        ]

    def fates(self, account: str | None, since: int, until: int) -> dict[Fate, int]:
        """Return the fates of messages injected at `since` <= time < `until`, each with its number of copies.

        What a token shared by all recipients has told is nobody's, and left out.
        """
        if account is None:
            rows = self.query("fates", since, until)
        else:
            rows = self.query("account_fates", since, until, account)
        return {read_fate(signs): count for signs, count in rows}

    def groups(
        self, account: str | None = None, *, before: int = LATEST, limit: int = 100
    ) -> list[ContactGroup]:
        """Return the groups of an account, or of all."""
        return [_group(row) for row in self._page("groups", account, before, limit)]

    def group(self, id_text: str) -> ContactGroup | None:
        """Return the group with this id, or that of the transmission with this id or queue id."""
        text = id_text.strip()
        rows: list[Values] = []
        if (group_id := as_id(text)) is not None:
            rows = self.query("group", group_id)
        if not rows and (transmission := self.find_transmission(text)) is not None:
            rows = self.query("transmission_group", transmission.transmission_id)
        return _group(rows[0]) if rows else None

    def group_contacts(self, group_id: int) -> list[str]:
        """Return the addresses in a group, in order."""
        return [address for (address,) in self.query("group_contacts", group_id)]

    def contacts(
        self, account: str, *, before: tuple[int, str] = (LATEST, ""), limit: int = 100
    ) -> list[Contact]:
        """Return the contacts of an account; `before` is time and address of the last one seen."""
        return [Contact(*row) for row in self.query("contacts", account, *before, limit)]

    def contents(
        self, account: str | None = None, *, before: int = LATEST, limit: int = 100
    ) -> list[Content]:
        """Return the contents of an account, or of all; `before` is a transmission's id."""
        return [Content(*row) for row in self._page("contents", account, before, limit)]

    def content(self, transmission_id: int) -> Content | None:
        """Return the HTML of a transmission."""
        return _content(self.query("content", transmission_id))

    def content_of_message(self, message_id: int) -> Content | None:
        """Return the HTML of the transmission that a recipient's copy belongs to."""
        return _content(self.query("message_content", message_id))

    def kept(self, account: str) -> int:
        """Return how many bytes of files an account keeps."""
        rows = self.query("kept_bytes", account)
        return int(rows[0][0]) if rows else 0

    def kept_files(self, digests: Iterable[str]) -> set[str]:
        """Return those of `digests` that at least one account keeps."""
        return {digest for (digest,) in self.query("kept_files", json.dumps(list(digests)))}

    def has_older(self, what: Expiring, before: int) -> bool:
        """Return whether there are rows from `before` that time, in Unix milliseconds."""
        return bool(self.query(f"old_{what}", before))

    def uneventful(self, what: Eventful, before: int, after: int, limit: int) -> tuple[int, bool] | None:
        """Return the last of the next `limit` ids `after` one, and whether any of them has no events.

        Ids are from `before` that time, in Unix milliseconds; None when there are no more.
        """
        found = self.query(f"old_{what}", before, after, limit)
        return (found[-1][0], any(not eventful for _, eventful in found)) if found else None

    def _page(self, name: str, account: str | None, before: int, limit: int) -> list[Values]:
        if account is None:
            return self.query(name, before, limit)
        return self.query(f"account_{name}", before, limit, account)


def read_fate(signs: int) -> Fate:
    """Return the fate whose signs are the bits of a number."""
    return Fate(*(bool(signs >> bit & 1) for bit in range(len(fields(Fate)))))


def _group(row: Values) -> ContactGroup:
    return ContactGroup(Group(*row[:-1]), row[-1])


def _content(rows: list[Values]) -> Content | None:
    return Content(*rows[0]) if rows else None
