import email
import email.policy
from email.message import EmailMessage

from estafeta_postfix.capture import reports
from estafeta_postfix.capture.session import Message

TAKEN = Message(
    b"b+t@bounce.example.com", (b"a@example.net",), b"X-MSFBL: abc\r\nSubject: \xff x\r\n\r\nbody\r\n--\r\n"
)


def parts(raw: bytes) -> tuple[EmailMessage, list[EmailMessage]]:
    parsed = email.message_from_bytes(raw, policy=email.policy.SMTP)
    assert isinstance(parsed, EmailMessage)
    return parsed, [part for part in parsed.iter_parts() if isinstance(part, EmailMessage)]


def test_a_delivery_status_is_one_to_a_standard_reader() -> None:
    parsed, (text, status, header) = parts(reports.delivery_status(TAKEN, b"a@example.net"))
    assert parsed.get_content_type() == "multipart/report"
    assert parsed.get_param("report-type") == "delivery-status"
    assert parsed["To"] == "b+t@bounce.example.com"
    assert "a@example.net" in text.get_content()
    [recipient] = [part for part in status.walk() if part["action"]]
    assert (recipient["action"], recipient["status"]) == ("failed", "5.1.1")
    assert recipient["final-recipient"] == "rfc822; a@example.net"
    assert header.get_content_type() == "text/rfc822-headers"


def test_a_complaint_is_one_to_a_standard_reader() -> None:
    raw = reports.complaint(TAKEN, b"a@example.net", b"fbl@bounce.example.com")
    parsed, (_text, report, original) = parts(raw)
    assert parsed.get_param("report-type") == "feedback-report"
    assert report.get_content_type() == "message/feedback-report"
    assert original.get_content_type() == "message/rfc822"
    assert [part["X-MSFBL"] for part in original.walk() if part["X-MSFBL"]] == ["abc"]
    assert b"--\r\n" in raw
