import pytest

from estafeta_milter.message.part import Part
from estafeta_milter.message.texts import is_attachment, is_inline_pgp, text_parts


def part(
    content_type: str, *children: Part, disposition: str = "", named: bool = False, doubt: str = ""
) -> Part:
    return Part("1", content_type, "", "", "", disposition, named, "", 0, 0, 0, 0, children, doubt)


def types(root: Part) -> list[str]:
    return [found.content_type for found in text_parts(root)]


def test_the_first_of_each_kind_counts() -> None:
    first, second = part("text/html"), part("text/html", named=True, disposition="inline")
    root = part("multipart/mixed", part("multipart/alternative", part("text/plain"), first), second)
    assert types(root) == ["text/plain", "text/html"]
    assert text_parts(root)[1] is first


def test_amp_is_found_beside_html() -> None:
    root = part("multipart/alternative", part("text/plain"), part("text/x-amp-html"), part("text/html"))
    assert types(root) == ["text/plain", "text/x-amp-html", "text/html"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (part("text/html", disposition="attachment"), True),
        (part("text/html", named=True), True),
        (part("text/html", named=True, disposition="inline"), False),
        (part("text/html", disposition="inline"), False),
        (part("text/html"), False),
    ],
)
def test_files_are_told_from_bodies(text: Part, expected: bool) -> None:
    assert is_attachment(text) is expected
    assert types(text) == ([] if expected else ["text/html"])


@pytest.mark.parametrize("kind", ["multipart/signed", "multipart/encrypted"])
def test_c9_nothing_inside_signed_or_encrypted_mail_is_found(kind: str) -> None:
    inner = part("multipart/alternative", part("text/plain"), part("text/html"))
    assert types(part("multipart/mixed", part(kind, inner, part("application/pgp-signature")))) == []


@pytest.mark.parametrize("seal", ["application/pgp-encrypted", "application/pkcs7-signature"])
def test_a_text_beside_a_loose_signature_is_left_alone(seal: str) -> None:
    assert types(part("multipart/mixed", part("text/plain"), part(seal))) == []


@pytest.mark.parametrize("kind", ["message/rfc822", "text/calendar", "application/pkcs7-mime", "text/rtf"])
def test_other_kinds_are_no_texts(kind: str) -> None:
    assert types(part("multipart/mixed", part(kind))) == []


def test_nothing_below_a_doubt_is_found() -> None:
    assert types(part("multipart/mixed", part("multipart/related", part("text/html"), doubt="x"))) == []
    assert types(part("text/html", doubt="x")) == []


def test_inline_pgp_is_seen() -> None:
    assert is_inline_pgp(b"Hello\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\n")
    assert is_inline_pgp(b"-----BEGIN PGP MESSAGE-----\r\n")
    assert not is_inline_pgp(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\r\n")
