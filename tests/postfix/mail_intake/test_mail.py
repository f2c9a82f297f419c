import pytest

from estafeta_postfix.mail_intake.mail import BOUNDS, fields, opened, split
from estafeta_testing.cost import at_most
from estafeta_testing.returned import notice


def test_fields_and_parts_are_found() -> None:
    mail = opened("", "b+t@x", notice(head="Subject: a\r\n b\r\n"))
    assert [header.name for header in mail.headers] == ["Subject", "MIME-Version", "Content-Type"]
    assert mail.headers[0].value == b"a\r\n b"
    [part] = mail.parts("message/delivery-status")
    assert mail.content(part, 1000).startswith(b"Reporting-MTA: dns; mx.example.net\r\n")
    assert mail.content(part, 5) == b"Repor"


def test_what_a_report_quotes_is_no_part_of_it() -> None:
    inner = notice().decode().replace("=_b", "=_inner")
    mail = opened("", "b+t@x", notice(quoted=inner))
    assert len(list(mail.parts("message/delivery-status"))) == 1


@pytest.mark.parametrize(("encoding", "content"), [("base64", "QWN0aW9u"), ("quoted-printable", "=41ction")])
def test_the_transfer_encoding_of_a_part_is_taken_off(encoding: str, content: str) -> None:
    head = f"Content-Type: text/plain\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    mail = opened("", "x", (head + content).encode())
    assert [mail.content(part, 100) for part in mail.parts("text/plain")] == [b"Action"]


def test_content_that_is_not_what_its_encoding_says_stays_as_it_is() -> None:
    mail = opened("", "x", b"Content-Transfer-Encoding: base64\r\n\r\n!!!")
    assert [mail.content(part, 100) for part in mail.parts("text/plain")] == [b"!!!"]


def nested(depth: int) -> bytes:
    head = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n" for n in range(depth))
    return head.encode() + b"\r\nx\r\n"


HOSTILE = {
    "nothing": b"",
    "only NULs": b"\0" * 1_000_000,
    "one line": b"Subject: " + b"x" * 1_000_000,
    "one field folded": b"Subject: x" + b"\r\n x" * 300_000,
    "a header without end": b"a: b\r\n" * 200_000,
    "no header": b"\r\n" * 500_000,
    "depth 2,000": nested(2000),
    "100,000 parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 100_000,
    "8-bit": b"Subject: \xff\xfe\r\nContent-Type: multipart/report; boundary=\xff\r\n\r\n--\xff\r\n\r\n\xff",
    "colons": b":" * 1_000_000,
    "spaces": b"a" + b" " * 1_000_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_nothing_takes_long_and_nothing_is_raised(raw: bytes) -> None:
    with at_most(2):
        mail = opened("", "x", raw)
        parts = list(mail.parts("text/plain", "message/delivery-status"))
    assert len(parts) <= BOUNDS.parts
    assert len(mail.headers) <= BOUNDS.header_count


def test_a_message_past_a_bound_has_no_parts() -> None:
    assert opened("", "x", nested(2000)).root is None
    assert list(opened("", "x", nested(2000)).parts("text/plain")) == []


@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\n\n"])
def test_a_header_ends_at_its_first_empty_line(end: bytes) -> None:
    assert split(b"a: b" + end + b"c" + end, 100) == (b"a: b", b"c" + end)
    assert split(b"a: b" + end + b"c", 3) == (b"a: ", b"")


def test_a_line_that_is_no_field_is_skipped() -> None:
    found = fields(b"From x\r\nA: 1\r\n: 2\r\nB : 3\r\n more\r\n  \r\nC:4")
    assert [(header.name, header.value) for header in found] == [
        ("A", b"1"),
        ("B", b"3\r\n more"),
        ("C", b"4"),
    ]
