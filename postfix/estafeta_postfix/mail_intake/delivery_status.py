"""Delivery status notifications (RFC 3464; RFC 6533 for internationalized ones): who has failed, and why.

    Reporting-MTA: dns; mx.example.net

    Original-Recipient: rfc822; alice@example.net
    Final-Recipient: rfc822; alice@mailbox.example.net
    Action: failed
    Status: 5.1.1
    Diagnostic-Code: smtp; 550 5.1.1 No such user

Only `Action: failed` with a status of 5.x.x is a failure. Without a status the code that the remote host gave
tells, and without that the action alone. `delayed`, `relayed`, `delivered`, `expanded` and 4.x.x are none.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from estafeta_core.headers import Header, values
from estafeta_postfix.mail_intake import clean
from estafeta_postfix.mail_intake.mail import Mail, fields

TYPES = ("message/delivery-status", "message/global-delivery-status")
BYTES = 256 * 1024  # of a status part: a group of fields has some 300
RECIPIENTS = 200  # of one report; Postfix reports 50 at once by default, and we send them 1,000 at most

_GROUPS = re.compile(rb"\r?\n(?:[ \t]*\r?\n)+")
_STATUS = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])")
_CODE = re.compile(r"(?<![\d.])[245]\d\d(?![\d.])")


@dataclass(frozen=True, slots=True)
class Failure:
    """A recipient who was not delivered to, for good."""

    recipients: tuple[str, ...]  # as the sender knew him, then as the last host did
    status: str  # 5.x.x; "" where none was given
    code: str  # 5xx; "" where none was given
    said: str  # the remote host's words


@dataclass(frozen=True, slots=True)
class Report:
    """A notification; without failures it tells of delays or successes."""

    reporting_mta: str
    failures: tuple[Failure, ...]


def read(mail: Mail) -> Report | None:
    """Return what the first status part of a message says; None where no part says what became of anybody."""
    part = next(mail.parts(*TYPES), None)
    if part is None:
        return None
    groups = [fields(block) for block in _blocks(mail.content(part, BYTES))]
    if not any(values(group, "action") for group in groups):
        return None
    reporters = (_typed(clean.field(group, "reporting-mta")) for group in groups)
    return Report(next(filter(None, reporters), ""), tuple(_failures(groups)))


def from_words(recipients: tuple[str, ...], said: str) -> Failure:
    """Return the failure that `said` is about, where nothing but the words is known."""
    status, code = _first(_STATUS, said), _first(_CODE, said)
    lasting = (status or code).startswith("5")
    return Failure(recipients, status if lasting else "", code if lasting else "", said)


def _blocks(content: bytes) -> list[bytes]:
    """Return the groups of fields, as many as are read; what is behind the last one is none of them."""
    return _GROUPS.split(content.strip(), RECIPIENTS + 1)[: RECIPIENTS + 1]


def _failures(groups: list[tuple[Header, ...]]) -> Iterator[Failure]:
    for group in groups:
        # OpenSMTPD says `error`.
        if not clean.field(group, "action").lower().startswith(("fail", "error")):
            continue
        said = _typed(clean.field(group, "diagnostic-code"))
        status, code = _first(_STATUS, clean.field(group, "status"), said), _first(_CODE, said)
        if (status or code or "5").startswith("5"):
            yield Failure(_recipients(group), status, code, said)


def _recipients(group: tuple[Header, ...]) -> tuple[str, ...]:
    names = ("original-recipient", "final-recipient")
    found = (_typed(clean.field(group, name, clean.ADDRESS)).strip("<>") for name in names)
    return tuple(dict.fromkeys(filter(None, found)))


def _typed(value: str) -> str:
    """Return `value` without the type in front of it: `rfc822; alice@example.net`."""
    kind, semicolon, rest = value.partition(";")
    return rest.strip() if semicolon and kind.strip().replace("-", "").isalnum() else value.strip()


def _first(pattern: re.Pattern[str], *texts: str) -> str:
    matches = (pattern.search(text) for text in texts)
    return next((match[0] for match in matches if match), "")
