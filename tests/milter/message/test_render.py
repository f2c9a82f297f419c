import quopri

from estafeta_core.headers import Header
from estafeta_milter.message.part import Part, walk
from estafeta_milter.message.render import render
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
    assert render(headers, body, [(part, b"new")]) == (headers, body.replace(b"text\r\n", b"new\r\n"))


def test_a_part_keeps_its_encoding() -> None:
    headers, body, part = in_multipart(b"Content-Transfer-Encoding: quoted-printable")
    assert render(headers, body, [(part, b"caf\xe9")])[1] == body.replace(b"text\r\n", b"caf=E9\r\n")
    headers, body, part = in_multipart(b"Content-Transfer-Encoding: base64")
    assert render(headers, body, [(part, b"abc")])[1] == body.replace(b"text\r\n", b"YWJj\r\n")


def test_b8_a_long_line_makes_a_part_quoted_printable() -> None:
    fields = (b"X-A: b", b"content-Transfer-encoding:\r\n 8bit", b"X-C: d")
    headers, body, part = in_multipart(*fields)
    changed, rendered = render(headers, body, [(part, LONG)])
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
    rendered = render(headers, body, [(part, LONG)])[1]
    assert b"X-A: b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nxxx" in rendered
    headers, body, part = in_multipart()
    rendered = render(headers, body, [(part, LONG)])[1]
    assert b"--a\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nxxx" in rendered


def test_b8_the_message_itself_gets_the_field_among_its_headers() -> None:
    headers = (SUBJECT, Header("content-transfer-ENCODING", b"7bit"), Header("MIME-Version", b"1.0"))
    root = parts(headers, b"text\r\n")[0]
    changed, body = render(headers, b"text\r\n", [(root, LONG)])
    assert changed[0] is headers[0]
    assert changed[1] == Header("content-transfer-ENCODING", b"quoted-printable")
    assert changed[2] is headers[2]
    assert quopri.decodestring(body) == LONG


def test_b8_a_message_without_mime_fields_gets_both() -> None:
    root = parts((SUBJECT,), b"text\r\n")[0]
    changed, _ = render((SUBJECT,), b"text\r\n", [(root, LONG)])
    assert changed[0] is SUBJECT
    assert changed[1:] == (
        Header("MIME-Version", b"1.0"),
        Header("Content-Transfer-Encoding", b"quoted-printable"),
    )


def test_a_base64_message_still_ends_its_last_line() -> None:
    headers = (Header("Content-Transfer-Encoding", b"base64"),)
    root = parts(headers, b"YWJj\r\n")[0]
    assert render(headers, b"YWJj\r\n", [(root, b"abcd")])[1] == b"YWJjZA==\r\n"
