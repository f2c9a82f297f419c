import pytest

from estafeta_milter.message.part import Part
from estafeta_milter.message.texts import (
    bodies,
    is_attachment,
    is_body,
    is_inline_pgp,
    open_parts,
    text_parts,
)


def part(
    content_type: str, *children: Part, disposition: str = "", named: bool = False, doubt: str = ""
) -> Part:
    return Part("1", content_type, "", "", "", disposition, named, "", "", 0, 0, 0, 0, children, doubt)


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


PLAIN = part("text/plain")


@pytest.mark.parametrize(
    ("text", "file", "body"),
    [
        (part("text/html", disposition="attachment"), True, False),
        (part("text/html", disposition="attachment", named=True), True, False),
        (part("text/html", named=True), True, False),
        (part("text/html", named=True, disposition="inline"), False, True),
        (part("text/html", disposition="inline"), False, True),
        (part("text/html"), False, True),
        (part("text/csv"), False, False),
    ],
)
def test_files_are_told_from_bodies(text: Part, *, file: bool, body: bool) -> None:
    assert is_attachment(text) is file
    assert types(part("multipart/mixed", PLAIN, text)) == ["text/plain", *(["text/html"] if body else [])]


@pytest.mark.parametrize(
    ("parent", "expected"),
    [
        (None, True),
        (part("multipart/alternative", PLAIN, part("text/html", named=True)), True),
        (part("multipart/mixed", part("text/html", named=True)), True),
        (part("multipart/related", part("text/html", named=True), PLAIN), True),
        (part("multipart/mixed", PLAIN, part("text/html", named=True)), False),
    ],
)
def test_a_body_with_a_name_is_one_where_a_text_is_expected(parent: Part | None, *, expected: bool) -> None:
    html = parent.children[-1] if parent and parent.children[-1].named else part("text/html", named=True)
    html = parent.children[0] if parent and parent.children[0].named else html
    assert is_body(html, parent) is expected
    assert not is_body(part("text/html", named=True, disposition="attachment"), parent)


def test_every_body_is_found_and_the_first_of_each_type_is_tracked() -> None:
    footer = part("text/plain")
    root = part("multipart/mixed", part("multipart/alternative", PLAIN, part("text/html")), footer)
    assert [found.content_type for found in bodies(root)] == ["text/plain", "text/html", "text/plain"]
    assert bodies(root)[2] is footer
    assert types(root) == ["text/plain", "text/html"]


def test_parts_that_may_be_changed_come_with_the_multipart_they_stand_in() -> None:
    sealed = part("multipart/signed", part("text/plain"))
    inner = part("multipart/related", part("text/html"), part("image/png", doubt="x"))
    root = part("multipart/mixed", inner, sealed, part("image/gif"))
    found = [(child.content_type, parent and parent.content_type) for child, parent in open_parts(root)]
    assert found == [
        ("multipart/mixed", None),
        ("multipart/related", "multipart/mixed"),
        ("text/html", "multipart/related"),
        ("image/gif", "multipart/mixed"),
    ]


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
