import pytest

from estafeta_core import bounce_class
from estafeta_postfix.log_follower.parse import Delivery
from estafeta_postfix.log_follower.reason import ANSWER_CHARACTERS, Reason, cleaned, expired, read_reason


def delivery(text: str, dsn: str, status: str) -> Delivery:
    return Delivery("", "A1", "a@example.com", "", "mx", "192.0.2.1", 1.0, dsn, status, text)


@pytest.mark.parametrize(
    ("text", "dsn", "status", "expected"),
    [
        (
            "host mx[192.0.2.1] said: 550 5.1.1 <a@example.com>: No such user (in reply to RCPT TO command)",
            "5.1.1",
            "bounced",
            Reason(
                "550",
                "550 5.1.1 <a@example.com>: No such user",
                "550 5.1.1 <a@example.com>: No such user",
                bounce_class.INVALID_RECIPIENT,
            ),
        ),
        (
            "host mx[192.0.2.1] said: 452-4.2.2 over quota  452 4.2.2 try (later) (in reply to end of DATA)",
            "4.2.2",
            "deferred",
            Reason(
                "452",
                "452-4.2.2 over quota 452 4.2.2 try (later)",
                "452-4.2.2 over quota  452 4.2.2 try (later)",
                bounce_class.MAILBOX_FULL,
            ),
        ),
        (
            "host mx[192.0.2.1] refused to talk to me: 554 go away",
            "5.0.0",
            "bounced",
            Reason("554", "554 go away", "554 go away", bounce_class.UNDETERMINED),
        ),
        (
            "connect to mx[192.0.2.1]:25: Connection refused",
            "4.4.1",
            "deferred",
            Reason(
                "451",
                "connect to mx[192.0.2.1]:25: Connection refused",
                "connect to mx[192.0.2.1]:25: Connection refused",
                bounce_class.TIMEOUT,
            ),
        ),
        (
            "Host or domain name not found. Name service error for name=nowhere.example type=A",
            "5.4.4",
            "bounced",
            Reason(
                "554",
                "Host or domain name not found. Name service error for name=nowhere.example type=A",
                "Host or domain name not found. Name service error for name=nowhere.example type=A",
                bounce_class.DNS_FAILURE,
            ),
        ),
    ],
)
def test_a_failure_is_told_as_events_tell_it(text: str, dsn: str, status: str, expected: Reason) -> None:
    assert read_reason(delivery(text, dsn, status)) == expected


def test_a_message_that_got_too_old_timed_out() -> None:
    assert expired().bounce_class == bounce_class.TIMEOUT
    assert expired().raw_reason.startswith(expired().error_code)


def test_what_was_said_is_evidence_where_the_code_says_nothing() -> None:
    found = read_reason(delivery("host mx[192.0.2.1] said: 550 No such user here", "5.0.0", "bounced"))
    assert found.bounce_class == bounce_class.INVALID_RECIPIENT
    text = "host mx[192.0.2.1] said: 550 no such user (in reply to MAIL FROM command)"
    assert read_reason(delivery(text, "5.0.0", "bounced")).bounce_class == bounce_class.MAIL_BLOCK


def test_l1_an_answer_is_one_line_of_bounded_length() -> None:
    hostile = "550 a\r\nb\x1b[2J\u2028c\x9f" + "x" * 100_000
    assert cleaned(hostile).startswith("550 a  b [2J c x")
    assert len(cleaned(hostile)) == ANSWER_CHARACTERS
    found = read_reason(delivery(f"host mx[192.0.2.1] said: {hostile}", "5.0.0", "bounced"))
    assert max(len(found.reason), len(found.raw_reason)) <= ANSWER_CHARACTERS
