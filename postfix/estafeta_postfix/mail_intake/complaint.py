"""Abuse reports (ARF, RFC 5965): who complained, in which loop, about which message of ours.

    text/plain                for people
    message/feedback-report   Feedback-Type: abuse, User-Agent, Original-Rcpt-To, ...
    message/rfc822            the message, or text/rfc822-headers: its header with our X-MSFBL

`not-spam` takes a complaint back, and `auth-failure` (RFC 6591) and its kin tell of forgeries: they are
no complaints, nor is a type that nobody has registered.
"""

from dataclasses import dataclass

from estafeta_core.headers import Header, unfold, values
from estafeta_postfix.mail_intake import clean
from estafeta_postfix.mail_intake.mail import Mail, fields, split

# RFC 5965 section 7.3; `opt-out` was in its drafts and is still sent.
COMPLAINTS = frozenset({"abuse", "fraud", "opt-out", "opt-out-list", "other", "virus"})
BYTES = 64 * 1024  # of a report
HEADER_BYTES = 256 * 1024  # of the message complained of: what Postfix lets a header be
RECIPIENTS = 20  # of one report: a complaint is one person's

_QUOTED = ("message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers")


@dataclass(frozen=True, slots=True)
class Complaint:
    """A report about one message."""

    kind: str  # Feedback-Type, in lower case
    agent: str  # the program that wrote it
    reporter: str  # whose it is
    msfbl: str  # our X-MSFBL in the message; "" where it has none
    return_path: str  # what the message was sent from
    recipients: tuple[str, ...]  # to whom, as the report says

    @property
    def counts(self) -> bool:
        """Whether somebody complained."""
        return self.kind in COMPLAINTS


def read(mail: Mail) -> Complaint | None:
    """Return the report in a message, or None where it is none."""
    part = next(mail.parts("message/feedback-report"), None)
    if part is None:
        return None
    report = fields(mail.content(part, BYTES))
    quoted = next(mail.parts(*_QUOTED), None)
    original = fields(split(mail.content(quoted, HEADER_BYTES), HEADER_BYTES)[0]) if quoted else ()
    msfbl = values(original, "x-msfbl")
    return Complaint(
        kind=clean.field(report, "feedback-type").lower(),
        agent=clean.field(report, "user-agent"),
        reporter=clean.field(report, "reporting-mta").rpartition(";")[2].strip()
        or clean.field(mail.headers, "from"),
        msfbl=unfold(msfbl[0]).decode("ascii", "replace") if msfbl else "",
        return_path=_return_path(report, original),
        recipients=_recipients(report),
    )


def _return_path(report: tuple[Header, ...], original: tuple[Header, ...]) -> str:
    found = (
        clean.field(report, "original-mail-from", clean.ADDRESS),
        clean.field(original, "return-path", clean.ADDRESS),
    )
    return next((address.strip("<>") for address in found if address), "")


def _recipients(report: tuple[Header, ...]) -> tuple[str, ...]:
    named = [*values(report, "original-rcpt-to"), *values(report, "removal-recipient")][:RECIPIENTS]
    return tuple(clean.text(unfold(value), clean.ADDRESS).strip("<>") for value in named)
