import pytest

from estafeta_core.headers import Header
from estafeta_milter.message.fields import MAX_BOUNDARY, Facts, from_block, from_headers


def facts(*lines: bytes) -> Facts:
    block = b"".join(line + b"\r\n" for line in lines)
    return from_block(block, 0, len(block))


def test_a_block_without_content_fields_is_plain_text() -> None:
    found = facts(b"Subject: content-type: text/html", b" content-type: text/html")
    assert (found.content_type, found.charset, found.doubt) == ("text/plain", "", "")


def test_the_default_is_the_parents_matter() -> None:
    assert from_block(b"", 0, 0, "message/rfc822").content_type == "message/rfc822"


def test_every_content_field_is_read() -> None:
    found = facts(
        b"CONTENT-TYPE: Text/HTML;\r\n\tcharset=\"UTF-8\"; name*=utf-8''x.txt",
        b"Content-transfer-Encoding:  Quoted-Printable ",
        b"Content-Disposition: Inline",
        b"Content-ID: <a@b>",
    )
    assert found == Facts(
        "text/html", "utf-8", "", "quoted-printable", "inline", True, "x.txt", "<a@b>", "", ("x.txt",)
    )


def test_the_messages_own_fields_are_read_alike() -> None:
    found = from_headers(
        [Header("content-type ", b'multipart/mixed;\n boundary="x"'), Header("Subject", b"text/html")]
    )
    assert (found.content_type, found.boundary, found.descends) == ("multipart/mixed", "x", True)


@pytest.mark.parametrize(
    "lines",
    [
        (b"Content-Type: text/html", b"Content-Type: text/plain"),
        (b"Content-Transfer-Encoding: 7bit", b"Content-Transfer-Encoding: base64"),
        (b"Content-Disposition: inline", b"Content-Disposition: attachment"),
        (b"Content-Type: text",),
        (b"Content-Type: text/html charset=utf-8",),
        (b"Content-Type: text/html; charset=utf-8; charset=latin1",),
        (b"Content-Type: text/html; charset*=utf-8''utf-8",),
        (b"Content-Transfer-Encoding: base64; charset=utf-8",),
        (b"Content-Type: multipart/mixed",),
        (b'Content-Type: multipart/mixed; boundary=""',),
        (b"Content-Type: multipart/mixed; boundary=a; boundary=b",),
        (b"Content-Type: multipart/mixed; boundary=a; boundary*=b",),
        (b"Content-Type: multipart/mixed; boundary*0=a; boundary*1=b",),
        (b'Content-Type: multipart/mixed; boundary="a "',),
        (b'Content-Type: multipart/mixed; boundary="\xe9"',),
        (b"Content-Type: multipart/mixed; boundary=" + b"x" * (MAX_BOUNDARY + 1),),
        (b"Content-Type: multipart/mixed; boundary=a", b"Content-Transfer-Encoding: base64"),
        (b"Content-Type: multipart/mixed; boundary=a", b"Content-Transfer-Encoding: quoted-printable"),
    ],
)
def test_c7_what_is_ambiguous_is_in_doubt_and_not_descended(lines: tuple[bytes, ...]) -> None:
    found = facts(*lines)
    assert found.doubt
    assert not found.descends


def test_the_same_parameter_twice_with_one_value_is_no_doubt() -> None:
    assert not facts(b"Content-Type: text/html; charset=utf-8; charset=UTF-8").doubt


@pytest.mark.parametrize(
    "lines",
    [
        (b"Content-Type: application/pdf; name=my file.pdf",),
        (b"Content-Type: text/plain", b"Content-Disposition: attachment; filename=my file.pdf"),
        (b"Content-Type: text/plain; name=my file.pdf", b"Content-Disposition: attachment"),
        (b"Content-Type: image/png", b"Content-Disposition: inline; filename=my file.pdf"),
    ],
)
def test_c15_a_name_without_quotes_is_no_doubt_about_a_file(lines: tuple[bytes, ...]) -> None:
    found = facts(*lines)
    assert (found.doubt, found.named, found.file_name) == ("", True, "my file.pdf")


@pytest.mark.parametrize(
    "lines",
    [
        (b"Content-Type: text/plain; name=my file.txt",),
        (b"Content-Type: text/plain", b"Content-Disposition: inline; filename=my file.txt"),
        (b"Content-Type: multipart/mixed; name=my file; boundary=a", b"Content-Disposition: attachment"),
        (b"Content-Type: image/png", b"Content-Disposition: form-data; filename=my file.txt"),
        (b"Content-Type: application/pdf; charset*=x", b"Content-Disposition: attachment; filename=my file"),
    ],
)
def test_c7_elsewhere_what_follows_such_a_name_stays_in_doubt(lines: tuple[bytes, ...]) -> None:
    assert facts(*lines).doubt


def test_c15_extended_forms_of_a_file_name_are_no_doubt() -> None:
    found = facts(
        b"Content-Type: application/pdf; name*=utf-8''a%C3%B1o.pdf",
        b"Content-Disposition: attachment; filename*0*=utf-8''b%C3%B1o; filename*1=.pdf",
    )
    assert (found.doubt, found.file_name) == ("", "bño.pdf")
