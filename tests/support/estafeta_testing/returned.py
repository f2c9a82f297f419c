"""Mail that comes back, as other hosts write it, for tests of the intake."""

from estafeta_core.links import Links
from estafeta_postfix.capture import reports
from estafeta_postfix.capture.session import Message

LINKS = Links([bytes(range(32))], "https://click.example.com", "bounce.example.com")
RECIPIENT = "alice@example.net"
FAILED = "Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 No such user"


def status_of(address: str = RECIPIENT, fields: str = FAILED) -> str:
    """Return the fields of one recipient in a delivery status notification."""
    return f"Final-Recipient: rfc822; {address}\r\n{fields}\r\n"


def notice(*recipients: str, mta: str = "mx.example.net", head: str = "", quoted: str = "") -> bytes:
    """Return a delivery status notification; `recipients` are texts of `status_of`."""
    status = f"Reporting-MTA: dns; {mta}\r\n\r\n" + "\r\n".join(recipients or (status_of(),))
    return multipart("delivery-status", head, ("message/delivery-status", status), ("message/rfc822", quoted))


def complaint(msfbl: str = "", kind: str = "abuse", more: str = "", quoted: str = "") -> bytes:
    """Return an abuse report about a message with this X-MSFBL; `more` is further lines of the report."""
    report = f"Feedback-Type: {kind}\r\nUser-Agent: SomeGenerator/1.0\r\nVersion: 1\r\n{more}"
    field = f"X-MSFBL: {msfbl}\r\n" if msfbl else ""
    original = quoted or f"From: news@acme.example\r\n{field}Subject: Hello\r\n\r\nHello\r\n"
    return multipart(
        "feedback-report",
        "From: feedback@example.net\r\n",
        ("message/feedback-report", report),
        ("message/rfc822", original),
    )


def multipart(kind: str, head: str, *parts: tuple[str, str]) -> bytes:
    """Return a multipart/report."""
    body = "".join(f"--=_b\r\nContent-Type: {type_}\r\n\r\n{content}\r\n" for type_, content in parts)
    text = (
        f'{head}MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type={kind}; boundary="=_b"\r\n'
        f"\r\n--=_b\r\n\r\nFor people.\r\n{body}--=_b--\r\n"
    )
    return text.encode("utf-8", "surrogateescape")


def of_a_remote_host(sender: str, recipient: str = RECIPIENT) -> bytes:
    """Return the notice that the sandbox's capture server would send."""
    message = Message(sender.encode(), (recipient.encode(),), b"Subject: Hello\r\n\r\nHello\r\n")
    return reports.delivery_status(message, recipient.encode())
