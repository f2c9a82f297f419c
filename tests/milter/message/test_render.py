import quopri

import pytest

from estafeta_core.headers import Header
from estafeta_milter.message.part import Part, walk
from estafeta_milter.message.render import Text, render
from estafeta_milter.message.scanner import scan

LONG = b"x" * 1200 + b"\r\n"
SUBJECT = Header("Subject", b"s")


def parts(headers: tuple[Header, ...], body: bytes) -> list[Part]:
    root = scan(headers, body)
    assert isinstance(root, Part)
    return list(walk(root))


def in_multipart(*fields: bytes) -> tuple[tuple[Header, ...], bytes, Part]:
    headers = (SUBJECT, Header("Content-Type", b"multipart/mixed; boundary=a"))
    block = b"".join(field + b"\r\n" for field in fields)
    body = b"pre\r\n--a\r\n" + block + b"\r\ntext\r\n--a\r\n\r\nother\r\n--a--\r\nepilogue"
    return headers, body, parts(headers, body)[1]


def test_without_texts_everything_is_the_same_object() -> None:
    headers, body, _ = in_multipart()
    assert render(headers, body, [])[0] is headers
    assert render(headers, body, [])[1] is body


def test_only_the_parts_span_changes() -> None:
    headers, body, part = in_multipart(b"Content-Transfer-Encoding: 8bit")
    assert render(headers, body, [Text(part, b"new", "")]) == (headers, body.replace(b"text\r\n", b"new\r\n"))


def test_a_part_keeps_its_encoding() -> None:
    headers, body, part = in_multipart(b"Content-Transfer-Encoding: quoted-printable")
    assert render(headers, body, [Text(part, b"caf\xe9", "")])[1] == body.replace(b"text\r\n", b"caf=E9\r\n")
    headers, body, part = in_multipart(b"Content-Transfer-Encoding: base64")
    assert render(headers, body, [Text(part, b"abc", "")])[1] == body.replace(b"text\r\n", b"YWJj\r\n")


def test_b8_a_long_line_makes_a_part_quoted_printable() -> None:
    fields = (b"X-A: b", b"content-Transfer-encoding:\r\n 8bit", b"X-C: d")
    headers, body, part = in_multipart(*fields)
    changed, rendered = render(headers, body, [Text(part, LONG, "")])
    assert changed is headers
    assert b"X-A: b\r\ncontent-Transfer-encoding: quoted-printable\r\nX-C: d\r\n\r\n" in rendered
    assert max(map(len, rendered.split(b"\r\n"))) <= 76
    found = parts(headers, rendered)[1]
    assert found.transfer_encoding == "quoted-printable"
    assert quopri.decodestring(rendered[found.start : found.end]) == LONG
    assert rendered.startswith(b"pre\r\n--a\r\n")
    assert rendered.endswith(b"\r\n--a\r\n\r\nother\r\n--a--\r\nepilogue")


def test_b8_a_part_without_the_field_gets_one() -> None:
    headers, body, part = in_multipart(b"X-A: b")
    rendered = render(headers, body, [Text(part, LONG, "")])[1]
    assert b"X-A: b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nxxx" in rendered
    headers, body, part = in_multipart()
    rendered = render(headers, body, [Text(part, LONG, "")])[1]
    assert b"--a\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nxxx" in rendered


def test_b8_the_message_itself_gets_the_field_among_its_headers() -> None:
    headers = (SUBJECT, Header("content-transfer-ENCODING", b"7bit"), Header("MIME-Version", b"1.0"))
    root = parts(headers, b"text\r\n")[0]
    changed, body = render(headers, b"text\r\n", [Text(root, LONG, "")])
    assert changed[0] is headers[0]
    assert changed[1] == Header("content-transfer-ENCODING", b"quoted-printable")
    assert changed[2] is headers[2]
    assert quopri.decodestring(body) == LONG


def test_b8_a_message_without_mime_fields_gets_both() -> None:
    root = parts((SUBJECT,), b"text\r\n")[0]
    changed, _ = render((SUBJECT,), b"text\r\n", [Text(root, LONG, "")])
    assert changed[0] is SUBJECT
    assert changed[1:] == (
        Header("MIME-Version", b"1.0"),
        Header("Content-Transfer-Encoding", b"quoted-printable"),
    )


def test_a_base64_message_still_ends_its_last_line() -> None:
    headers = (Header("Content-Transfer-Encoding", b"base64"),)
    root = parts(headers, b"YWJj\r\n")[0]
    assert render(headers, b"YWJj\r\n", [Text(root, b"abcd", "")])[1] == b"YWJjZA==\r\n"


# A charset that changes


def relabelled(*fields: bytes) -> bytes:
    """Return the fields of a part that has become UTF-8, in quoted-printable so that nothing else changes."""
    headers, body, part = in_multipart(*fields, b"Content-Transfer-Encoding: quoted-printable")
    rendered = render(headers, body, [Text(part, b"a\xc3\xb1o", "utf-8")])[1]
    assert rendered.endswith(b"quoted-printable\r\n\r\na=C3=B1o\r\n--a\r\n\r\nother\r\n--a--\r\nepilogue")
    assert parts(headers, rendered)[1].charset == "utf-8"
    return rendered.removeprefix(b"pre\r\n--a\r\n").partition(b"\r\nContent-Transfer-Encoding: q")[0]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"Content-Type: text/html; charset=latin1", b"Content-Type: text/html; charset=utf-8"),
        (b'content-type:TEXT/html;CharSet = "x y";a=b', b'content-type:TEXT/html;CharSet = "utf-8";a=b'),
        (
            b"Content-Type: text/plain;\r\n\tformat=flowed;\r\n\tcharset=latin1 ;\r\n delsp=yes",
            b"Content-Type: text/plain;\r\n\tformat=flowed;\r\n\tcharset=utf-8 ;\r\n delsp=yes",
        ),
        (
            b"Content-Type: text/plain (a (charset) of; one's own); charset=latin1 (too)",
            b"Content-Type: text/plain (a (charset) of; one's own); charset=utf-8 (too)",
        ),
        (
            b'Content-Type: text/plain; name="charset=latin1"; charset=latin1',
            b'Content-Type: text/plain; name="charset=latin1"; charset=utf-8',
        ),
        (
            b"Content-Type: text/plain; charset=latin1; charset=LATIN1",
            b"Content-Type: text/plain; charset=utf-8; charset=utf-8",
        ),
        (b"Content-Type: text/html ", b"Content-Type: text/html; charset=utf-8 "),
        (b"Content-Type: text/html;", b"Content-Type: text/html; charset=utf-8"),
        (b"Content-Type: text/html;\r\n a=b", b"Content-Type: text/html;\r\n a=b; charset=utf-8"),
    ],
)
def test_d15_the_label_changes_and_the_rest_of_the_field_stays(before: bytes, after: bytes) -> None:
    assert relabelled(before) == after


def test_d15_a_part_without_the_field_gets_one() -> None:
    headers, body, part = in_multipart()
    rendered = render(headers, body, [Text(part, b"abc", "utf-8")])[1]
    assert rendered == body.replace(
        b"\r\n\r\ntext", b"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nabc", 1
    )


def test_d15_the_messages_own_fields_are_changed_too() -> None:
    headers = (
        SUBJECT,
        Header("Content-type", b"text/html;\n\tcharset=latin1"),
        Header("MIME-Version", b"1.0"),
    )
    root = parts(headers, b"x\r\n")[0]
    changed, body = render(headers, b"x\r\n", [Text(root, b"\xc3\xb1\r\n", "utf-8")])
    assert changed == (
        SUBJECT,
        Header("Content-type", b"text/html;\n\tcharset=utf-8"),
        headers[2],
        Header("Content-Transfer-Encoding", b"quoted-printable"),
    )
    assert changed[0] is SUBJECT
    assert body == b"=C3=B1\r\n"


def test_d15_a_message_without_mime_fields_gets_all_of_them_once() -> None:
    root = parts((SUBJECT,), b"x\r\n")[0]
    changed, _ = render((SUBJECT,), b"x\r\n", [Text(root, b"\xc3\xb1\r\n", "utf-8")])
    assert changed[1:] == (
        Header("MIME-Version", b"1.0"),
        Header("Content-Type", b"text/plain; charset=utf-8"),
        Header("Content-Transfer-Encoding", b"quoted-printable"),
    )


def test_a_field_that_a_milter_could_not_set_loses_the_signs_outside_ascii() -> None:
    headers = (Header("Content-Type", 'text/plain; charset=latin1; name="año"'.encode()),)
    root = parts(headers, b"x\r\n")[0]
    changed, _ = render(headers, b"x\r\n", [Text(root, b"y\r\n", "utf-8")])
    assert changed == (Header("Content-Type", b'text/plain; charset=utf-8; name="a??o"'),)


@pytest.mark.parametrize(
    ("field", "kept"), [(b"", False), (b"7bit", False), (b"8bit", True), (b"binary", True)]
)
def test_bytes_that_were_not_promised_make_a_part_quoted_printable(field: bytes, kept: bool) -> None:
    fields = (b"Content-Transfer-Encoding: " + field,) if field else ()
    headers, body, part = in_multipart(*fields)
    rendered = render(headers, body, [Text(part, b"a\xf1o", "")])[1]
    assert (b"a\xf1o" in rendered) is kept
    assert (b"Content-Transfer-Encoding: quoted-printable\r\n\r\na=F1o\r\n--a" in rendered) is not kept
