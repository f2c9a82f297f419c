"""Reports as other hosts write them: a delivery status notification (RFC 3464), a complaint (RFC 5965)."""

from email.utils import formatdate

from estafeta_postfix.capture.session import HOST, Message

_BOUNDARY = b"=_report"  # no message that Postfix sends has such a line: `=_` is none of base64 or QP
_NOTICE = b"I could not deliver your message to <%b>:\r\n550 5.1.1 No such user here\r\n"


def delivery_status(message: Message, recipient: bytes) -> bytes:
    """Return the notice that a message, taken first, could not be delivered to one of its recipients."""
    status = (
        b"Reporting-MTA: dns; %b\r\n\r\nOriginal-Recipient: rfc822; %b\r\nFinal-Recipient: rfc822; %b\r\n"
        b"Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 No such user here\r\n"
    ) % (HOST.encode(), recipient, recipient)
    head = (
        b"From: MAILER-DAEMON@%b\r\nTo: %b\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        b"Auto-Submitted: auto-replied\r\n"
    ) % (HOST.encode(), message.sender)
    return _report(
        head,
        b"delivery-status",
        (b"text/plain", _NOTICE % recipient),
        (b"message/delivery-status", status),
        (b"text/rfc822-headers", message.content.partition(b"\r\n\r\n")[0] + b"\r\n"),
    )


def complaint(message: Message, recipient: bytes, to: bytes) -> bytes:
    """Return the report that one of a message's recipients has called it spam."""
    report = (
        b"Feedback-Type: abuse\r\nUser-Agent: capture/1\r\nVersion: 1\r\nReporting-MTA: dns; %b\r\n"
        b"Original-Mail-From: <%b>\r\nOriginal-Rcpt-To: <%b>\r\n"
    ) % (HOST.encode(), message.sender, recipient)
    head = b"From: feedback@%b\r\nTo: %b\r\nSubject: FW: spam\r\n" % (HOST.encode(), to)
    return _report(
        head,
        b"feedback-report",
        (b"text/plain", b"This is an abuse report for a message received here.\r\n"),
        (b"message/feedback-report", report),
        (b"message/rfc822", message.content),
    )


def _report(head: bytes, kind: bytes, *parts: tuple[bytes, bytes]) -> bytes:
    mime = b'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=%b; boundary="%b"\r\n'
    date = f"Date: {formatdate()}\r\n".encode()
    body = b"".join(
        b"--%b\r\nContent-Type: %b\r\n\r\n%b\r\n" % (_BOUNDARY, type_, content) for type_, content in parts
    )
    return head + date + mime % (kind, _BOUNDARY) + b"\r\n" + body + b"--%b--\r\n" % _BOUNDARY
