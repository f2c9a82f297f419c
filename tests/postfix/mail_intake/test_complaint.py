import pytest

from estafeta_postfix.mail_intake import complaint
from estafeta_postfix.mail_intake.mail import opened
from estafeta_testing import returned
from estafeta_testing.returned import LINKS

MSFBL = LINKS.msfbl("acme", "0", 7, "alice@example.net")


def read(raw: bytes) -> complaint.Complaint:
    found = complaint.read(opened("fbl@example.net", "fbl@bounce.example.com", raw))
    assert found is not None
    return found


def test_a_report_says_who_wrote_it_and_has_our_field() -> None:
    found = read(returned.complaint(MSFBL))
    assert (found.kind, found.agent, found.reporter) == ("abuse", "SomeGenerator/1.0", "feedback@example.net")
    assert found.msfbl == MSFBL
    assert found.counts


def test_a_reporting_mta_goes_before_from() -> None:
    found = read(returned.complaint(MSFBL, more="Reporting-MTA: dns; mail.example.net\r\n"))
    assert found.reporter == "mail.example.net"


def test_a_folded_field_is_read() -> None:
    folded = "\r\n\t".join(MSFBL[at : at + 76] for at in range(0, len(MSFBL), 76))
    assert LINKS.read_msfbl(read(returned.complaint(folded)).msfbl) == LINKS.read_msfbl(MSFBL)


def test_a_header_alone_is_enough() -> None:
    raw = returned.complaint(MSFBL).replace(b"message/rfc822", b"text/rfc822-headers")
    assert read(raw).msfbl == MSFBL


def test_the_field_counts_in_the_header_only() -> None:
    quoted = f"Subject: x\r\n\r\nX-MSFBL: {MSFBL}\r\n"
    assert read(returned.complaint(quoted=quoted)).msfbl == ""


def test_the_return_path_and_the_recipients_are_read() -> None:
    more = (
        "Original-Mail-From: <b+t@bounce.example.com>\r\n"
        "Original-Rcpt-To: <a@b.example>\r\nRemoval-Recipient: c@d.example\r\n"
    )
    found = read(returned.complaint(more=more))
    assert found.return_path == "b+t@bounce.example.com"
    assert found.recipients == ("a@b.example", "c@d.example")
    quoted = "Return-Path: <b+u@bounce.example.com>\r\nSubject: x\r\n\r\n"
    assert read(returned.complaint(quoted=quoted)).return_path == "b+u@bounce.example.com"


@pytest.mark.parametrize(
    ("kind", "counts"),
    [
        ("abuse", True),
        ("Fraud", True),
        ("virus", True),
        ("other", True),
        ("opt-out", True),
        ("not-spam", False),
        ("auth-failure", False),
        ("dmarc", False),
        ("", False),
    ],
)
def test_only_a_complaint_counts(kind: str, counts: bool) -> None:
    assert read(returned.complaint(MSFBL, kind)).counts is counts


def test_very_many_recipients_are_read_to_the_bound() -> None:
    found = read(returned.complaint(more="Original-Rcpt-To: <a@b.example>\r\n" * 1500))
    assert len(found.recipients) == complaint.RECIPIENTS


def test_mail_without_a_report_is_none() -> None:
    assert (
        complaint.read(opened("", "fbl@x", b"Subject: Feedback-Type: abuse\r\n\r\nFeedback-Type: abuse\r\n"))
        is None
    )
