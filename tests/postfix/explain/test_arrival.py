"""What Postfix really does with these lines is asked in tests/integration/test_explain.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_postfix.explain.arrival import FIELD_LIMIT, Arrived, arrive, completed
from estafeta_testing.office import NOON

WHOLE = b"From: a@example.net\r\nDate: now\r\nMessage-ID: <1@example.net>\r\n"


def arrived(raw: bytes, sender: str = "a@example.net") -> Arrived:
    return arrive(raw, sender=sender, hostname="mx.example.com", now=NOON)


def told(raw: bytes) -> list[tuple[str, bytes]]:
    """Return what the milter is told behind the fields that every message has."""
    return [(header.name, header.value) for header in arrived(WHOLE + raw).headers][3:]


@pytest.mark.parametrize(
    ("raw", "fields", "body"),
    [
        (b"Subject: a\r\n\r\nx\r\n", [("Subject", b"a")], b"x\r\n"),
        (b"Subject: a\n\nx", [("Subject", b"a")], b"x\r\n"),
        (
            b"Subject:a\r\nX-T:\tb\r\nX-S:  c\r\n\r\n",
            [("Subject", b"a"), ("X-T", b"\tb"), ("X-S", b" c")],
            b"",
        ),
        (b"Subject : a\r\n b\r\n\tc\r\n\r\n\r\nx\r\n", [("Subject ", b"a\n b\n\tc")], b"\r\nx\r\n"),
        (b"no field\r\nx\r\n", [], b"no field\r\nx\r\n"),
        (b": x\r\n", [], b": x\r\n"),
        (b"S\xe9: x\r\n", [], b"S\xe9: x\r\n"),
        (b"Subject: a\0b\r\n c\0d\r\n\r\nx\0y\r\n", [("Subject", b"a\n c")], b"x\0y\r\n"),
        (b"Subject: a\rb\r\n\r\nx\ry\r\r\n", [("Subject", b"a b")], b"x y \r\n"),
        (b"Subject: a", [("Subject", b"a")], b""),
    ],
)
def test_lines_become_fields_and_a_body(raw: bytes, fields: list[tuple[str, bytes]], body: bytes) -> None:
    assert told(raw) == fields
    assert arrived(WHOLE + raw).body == body


@pytest.mark.parametrize("first", [b"From x\r\n", b">From x\r\n"])
def test_the_first_line_of_an_mbox_file_becomes_a_field(first: bytes) -> None:
    header = arrived(first + WHOLE).headers[0]
    assert (header.name, header.value) == ("X-Mailbox-Line", first.rstrip())


def test_a_first_line_that_begins_with_a_blank_leaves_no_header() -> None:
    assert arrived(b" x\r\nFrom: a\r\n").body == b" x\r\nFrom: a\r\n"


@pytest.mark.parametrize("name", ["Bcc", "bcc ", "Content-Length", "Return-Path", "RESENT-BCC"])
def test_what_postfix_drops_is_remembered_and_not_told(name: str) -> None:
    found = arrived(WHOLE + f"{name}: x\r\nSubject: a\r\n".encode())
    assert [field.header.name for field in found.fields if field.fate == "dropped"] == [name]
    assert name not in [header.name for header in found.headers]


def test_what_is_missing_is_added_in_postfixs_order() -> None:
    added = [
        (field.header.name, field.header.value, field.fate) for field in arrived(b"Subject: a\r\n").fields[1:]
    ]
    assert added == [
        ("Message-Id", b"<QUEUEID@mx.example.com>", "added"),
        ("Date", b"Fri, 20 Nov 2026 12:00:00 +0000 (UTC)", "added"),
        ("From", b"a@example.net", "added"),
    ]


def test_a_message_that_was_sent_again_lacks_other_fields() -> None:
    names = [header.name for header in arrived(b"Resent-To: b@example.net\r\n").headers]
    assert names == ["Resent-To", "Resent-Message-Id", "Resent-Date", "Resent-From"]


@pytest.mark.parametrize(("sender", "shown"), [("", b"MAILER-DAEMON"), ("root", b"root@mx.example.com")])
def test_a_from_is_made_of_the_sender_as_it_is_queued(sender: str, shown: bytes) -> None:
    assert arrived(b"", sender).headers[-1].value == shown
    assert completed("a@b", "mx") == "a@b"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (b"x" * 70_000, FIELD_LIMIT - len("X-Long: ")),
        (b"\r\n ".join([b"x" * 900] * 80), 66 * 902 - 2),
        (b"x\r\n " + b"y" * 70_000, FIELD_LIMIT - len("X-Long: ")),
        (b"x" * (FIELD_LIMIT - len("X-Long: ")), FIELD_LIMIT - len("X-Long: ")),
    ],
    ids=["anywhere", "at the end of a line", "not far ahead of the limit", "not at all"],
)
def test_a_field_is_cut_where_postfix_cuts_it(value: bytes, kept: int) -> None:
    found = arrived(WHOLE + b"X-Long: " + value + b"\r\n")
    field = found.fields[3]
    assert len(field.header.value) == kept
    assert field.fate == ("cut" if len(value) > FIELD_LIMIT else "")
    assert field.sent is None or field.sent.value == value.replace(b"\r", b"")


def test_size_is_counted_as_it_is_sent_and_hops_as_they_are_written() -> None:
    found = arrived(b"Received: 1\nreceived: 2\n\nx\n")
    assert found.size == len(b"Received: 1\r\nreceived: 2\r\n\r\nx\r\n")
    assert found.hops == 3


@given(st.binary(max_size=300))
def test_nothing_a_file_holds_raises_and_nothing_of_a_body_is_lost(raw: bytes) -> None:
    found = arrived(raw)
    assert all(header.key for header in found.headers)
    assert found.body == b"" or found.body.endswith(b"\r\n")
    assert arrived(b"\n" + raw).body.replace(b"\r\n", b"\n").removesuffix(b"\n") == (
        raw.replace(b"\r\n", b"\n").replace(b"\r", b" ").removesuffix(b"\n")
        if not raw.endswith(b"\r")
        else raw[:-1].replace(b"\r\n", b"\n").replace(b"\r", b" ")
    )
