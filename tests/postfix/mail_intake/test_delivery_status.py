import pytest

from estafeta_postfix.mail_intake import delivery_status
from estafeta_postfix.mail_intake.delivery_status import Failure, Report, from_words
from estafeta_postfix.mail_intake.mail import opened
from estafeta_testing.returned import notice, of_a_remote_host, status_of


def read(raw: bytes) -> Report | None:
    return delivery_status.read(opened("", "b+t@bounce.example.com", raw))


def failures(*recipients: str) -> tuple[Failure, ...]:
    report = read(notice(*recipients))
    assert report is not None
    return report.failures


def test_a_failure_has_recipient_status_code_and_the_words_of_the_remote_host() -> None:
    assert read(notice()) == Report(
        "mx.example.net", (Failure(("alice@example.net",), "5.1.1", "550", "550 5.1.1 No such user"),)
    )


def test_a_recipient_is_known_by_what_the_sender_wrote_and_by_what_the_last_host_did() -> None:
    status = "Original-Recipient: rfc822;<a@example.net>\r\n" + status_of("b@example.org")
    assert failures(status)[0].recipients == ("a@example.net", "b@example.org")


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ("Action: failed\r\nStatus: 5.0.0", ("5.0.0", "")),
        ("Action: FAILED (no such user)\r\nStatus: 5.1.1 (unknown)", ("5.1.1", "")),
        ("Action: error\r\nStatus: 5.7.1", ("5.7.1", "")),  # OpenSMTPD
        ("Action: failed\r\nDiagnostic-Code: smtp; 550-5.1.1 No", ("5.1.1", "550")),
        ("Action: failed\r\nDiagnostic-Code: smtp; 554 No", ("", "554")),
        ("Action: failed", ("", "")),
        ("Action: failed\r\nStatus: 5.1.10\r\nDiagnostic-Code: X-Postfix; null MX", ("5.1.10", "")),
        ("Action: failed\r\nStatus: 4.4.7", None),
        ("Action: failed\r\nStatus: 4.4.7\r\nDiagnostic-Code: smtp; 550 5.1.1 No", None),
        ("Action: failed\r\nDiagnostic-Code: smtp; 451 later", None),
        ("Action: delayed\r\nStatus: 4.4.1", None),
        ("Action: delayed\r\nStatus: 5.1.1", None),
        ("Action: relayed\r\nStatus: 2.1.9", None),
        ("Action: delivered\r\nStatus: 5.0.0", None),
        ("Action: expanded\r\nStatus: 2.0.0", None),
        ("Action: nonsense\r\nStatus: 5.0.0", None),
    ],
)
def test_only_what_failed_for_good_is_a_failure(fields: str, found: tuple[str, str] | None) -> None:
    assert [(each.status, each.code) for each in failures(status_of(fields=fields))] == (
        [found] if found else []
    )


def test_each_recipient_has_a_group_of_his_own() -> None:
    delayed = status_of("b@example.net", "Action: delayed\r\nStatus: 4.2.0")
    found = failures(status_of("a@example.net"), delayed, status_of("c@example.net"))
    assert [each.recipients for each in found] == [("a@example.net",), ("c@example.net",)]


def test_a_report_of_very_many_recipients_is_read_to_the_bound() -> None:
    found = failures(*(status_of(f"r{number}@example.net") for number in range(1000)))
    assert len(found) == delivery_status.RECIPIENTS


@pytest.mark.parametrize(
    "raw",
    [
        b"Subject: hello\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n",
        notice("nothing at all"),
        b"",
    ],
)
def test_what_says_nothing_of_anybody_is_no_notification(raw: bytes) -> None:
    assert read(raw) is None


def test_the_global_form_is_read_too() -> None:
    raw = notice(status_of("jürgen@example.net")).replace(
        b"message/delivery-status", b"message/global-delivery-status"
    )
    report = read(raw)
    assert report is not None
    assert report.failures[0].recipients == ("jürgen@example.net",)


def test_what_the_sandbox_sends_is_read() -> None:
    report = read(of_a_remote_host("b+t@bounce.example.com"))
    assert report == Report(
        "capture.invalid", (Failure(("alice@example.net",), "5.1.1", "550", "550 5.1.1 No such user here"),)
    )


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ("550 5.1.1 No", "5.1.1", "550"),
        ("host 192.0.2.1 said 451 4.2.2 full", "", ""),
        ("#5.2.1", "5.2.1", ""),
    ],
)
def test_words_alone_tell_status_and_code(said: str, status: str, code: str) -> None:
    assert from_words(("a@b",), said) == Failure(("a@b",), status, code, said)
