import pytest

from estafeta_postfix.mail_intake import automatic
from estafeta_postfix.mail_intake.mail import opened
from estafeta_testing.returned import multipart

RECEIPT = multipart("disposition-notification", "", ("message/disposition-notification", "Disposition: x"))


@pytest.mark.parametrize(
    "head",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-replied (vacation)",
        "X-Autoreply: yes",
        "X-Vacation: yes",
        "Precedence: auto_reply",
        "Subject: Out of Office: your order",
        "Subject: Automatic reply: Hello",
        "Subject: Auto: Hello",
        "Subject: Re: Auto-Reply",
        "Subject: =?utf-8?q?Automatische_Antwort=3A_Hallo?=",
        "Subject: Respuesta automática",
        "Subject: Автоответ",
    ],
)
def test_answers_are_told(head: str) -> None:
    assert automatic.is_answer(opened("", "x", f"{head}\r\n\r\nI am away.\r\n".encode()))


@pytest.mark.parametrize(
    "head",
    [
        "Subject: Undelivered Mail Returned to Sender",
        "Auto-Submitted: no",
        "Auto-Submitted: auto-generated",
        "Auto-Submitted: auto-replied\r\nFrom: Mail Delivery System <Mailer-Daemon@mx.example.net>",
        "Subject: Automobile",
        "Precedence: bulk",
    ],
)
def test_bounces_and_letters_are_none(head: str) -> None:
    assert not automatic.is_answer(opened("", "x", f"{head}\r\n\r\n550 unknown user.\r\n".encode()))


def test_a_receipt_is_an_answer() -> None:
    assert automatic.is_answer(opened("", "x", RECEIPT))


@pytest.mark.parametrize(
    ("sender", "daemon"),
    [
        ("MAILER-DAEMON@mx.example.net", True),
        ("Mail Delivery Subsystem <x@example.net>", True),
        ("<postmaster@example.net>", True),
        ("alice@example.net", False),
    ],
)
def test_a_mail_system_says_so_in_from(sender: str, daemon: bool) -> None:
    assert automatic.is_from_a_daemon(opened("a@b", "x", f"From: {sender}\r\n\r\n".encode())) is daemon
