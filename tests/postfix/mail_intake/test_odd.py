"""Odd bounces, and all the samples of flufl.bounce and of the corpora."""

import email
import logging
from pathlib import Path

import flufl.bounce
import pytest

from estafeta_postfix.mail_intake import complaint, delivery_status, odd
from estafeta_postfix.mail_intake.mail import opened
from estafeta_testing import corpora
from estafeta_testing.bounce_samples import samples
from estafeta_testing.cost import at_most

QMAIL = b"""\
From: MAILER-DAEMON@mx.example.net
Subject: failure notice

Hi. This is the qmail-send program at mx.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<alice@example.net>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.
"""

# What no rule of ours may count, with the reason.
UNCOUNTED = {
    "dsn_02": "4.4.7: it was given up, but the address may well exist",
    "simple_38": "a disposition notification of a filter",
}


def test_a_bounce_in_words_has_recipient_status_and_text() -> None:
    [found] = odd.read(opened("", "b+t@x", QMAIL))
    assert found.recipients == ("alice@example.net",)
    assert (found.status, found.said) == ("5.1.1", "#5.1.1)")


def test_where_no_code_stands_the_words_behind_the_recipient_tell() -> None:
    [found] = odd.read(opened("", "b+t@x", QMAIL.replace(b" (#5.1.1)", b"")))
    assert (found.status, found.code) == ("", "")
    assert found.said.startswith("Sorry, no mailbox here by that name. --- Below")


@pytest.mark.parametrize(
    ("sender", "head"),
    [
        ("somebody@example.net", b"From: somebody@example.net\n"),
        ("", b"X-Autoreply: yes\n"),
        ("", b"From: alice@example.net\nAuto-Submitted: auto-replied\n"),
    ],
)
def test_a_letter_that_quotes_a_bounce_is_none(sender: str, head: bytes) -> None:
    raw = head + QMAIL.partition(b"\n")[2]
    assert odd.read(opened(sender, "b+t@x", raw)) == ()


HOSTILE = {
    "deep messages": b"Content-Type: message/rfc822\r\n\r\n" * 2000,
    "deep multiparts": b"".join(
        b"Content-Type: multipart/x; boundary=%d\r\n\r\n--%d\r\n" % (n, n) for n in range(2000)
    ),
    "parts": b"Content-Type: multipart/x; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 100_000,
    "long lines": b"Subject: x\r\n\r\n" + b"<" * 1_000_000,
    "lines": b"Subject: x\r\n\r\n" + b"<a@\r\n" * 200_000,
    "NULs": b"\0" * 200_000,
    "8-bit": b"From: \xff\r\nX-Failed-Recipients: \xff@\xff\r\n\r\n\xff",
    "failed recipients": b"X-Failed-Recipients: " + b"a@b, " * 50_000 + b"\r\n\r\n",
    "almost the longest lines": b"Subject: x\r\n\r\n" + (b"<a@b" * 490 + b"\r\n") * 130,
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_hostile_mail_costs_little_and_raises_nothing(raw: bytes) -> None:
    with at_most(3):
        for failure in odd.read(opened("", "b+t@x", raw)):
            assert len(failure.recipients) <= odd.RECIPIENTS


def test_a_fault_of_the_library_is_logged_and_nothing_is_found(caplog: pytest.LogCaptureFixture) -> None:
    raw = QMAIL.replace(
        b"Subject: failure notice", b"Content-Type: multipart/report; boundary=x\n" * 2 + b"x: y"
    )
    with caplog.at_level(logging.WARNING):
        found = odd.read(opened("", "b+t@x", b"Content-Type: text/plain; charset*=\xff''x\r\n\r\n" + raw))
    assert isinstance(found, tuple)
    assert not [record for record in caplog.records if record.levelno > logging.WARNING]


def test_at_least_nine_of_ten_failed_recipients_of_all_samples_are_found() -> None:
    wanted = missing = standard = missing_standard = 0
    for name, raw in samples().items():
        mail = opened("", "b+t@x", raw.replace(b"\n", b"\r\n"))
        report = delivery_status.read(mail)
        failures = odd.read(mail) if report is None else report.failures
        found = {address.lower() for failure in failures for address in failure.recipients}
        expected = {
            address.decode().lower() for address in flufl.bounce.scan_message(email.message_from_bytes(raw))
        }
        if name in UNCOUNTED:
            assert not found, UNCOUNTED[name]
            continue
        wanted, missing = wanted + len(expected), missing + len(expected - found)
        if report is not None:
            standard += len(expected)
            missing_standard += len(expected - found)
    assert (standard, wanted) >= (12, 120)
    assert missing_standard <= standard * 0.1
    assert missing <= wanted * 0.1


def test_no_sample_of_a_delay_has_a_failure() -> None:
    delays = {}
    for name, raw in samples().items():
        delayed, failed = flufl.bounce.all_failures(email.message_from_bytes(raw))
        if delayed and not failed:
            delays[name] = raw
    assert len(delays) > 5
    for name, raw in delays.items():
        mail = opened("", "b+t@x", raw)
        report = delivery_status.read(mail)
        assert (odd.read(mail) if report is None else report.failures) == (), name


# Of the corpora: notices of a failure for good. simple_dsn*.raw are of 4.0.0.
FAILURES = frozenset({"multi_recipient_dsn.raw", "dsn_with_multipart_alternative.raw"})


@pytest.mark.parametrize("path", corpora.parameters(corpora.messages()))
def test_no_message_of_the_corpora_crashes_anything(path: Path) -> None:
    mail = opened("", "b+t@x", path.read_bytes())
    report, said = delivery_status.read(mail), complaint.read(mail)
    failures = odd.read(mail) if report is None else report.failures
    assert said is None or said.kind
    if path.name in FAILURES:
        assert failures
    if path.parent.name == "dsn" and path.name not in FAILURES:
        assert not failures


@pytest.mark.parametrize("path", corpora.parameters(corpora.messages()))
def test_no_letter_of_the_corpora_is_a_bounce(path: Path) -> None:
    raw = path.read_bytes()
    if b"delivery-status" in raw.lower():
        pytest.skip("it is one")
    assert odd.read(opened("", "b+t@x", raw)) == ()
