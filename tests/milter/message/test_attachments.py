import pytest
from msgspec.structs import replace

from estafeta_milter.message.attachments import files, name
from estafeta_milter.message.part import Part

EMPTY = Part("1", "", "", "", "", "", False, "", "", 0, 0, 0, 0, (), "")


def part(
    content_type: str, *children: Part, disposition: str = "", file_name: str = "", doubt: str = ""
) -> Part:
    return replace(
        EMPTY,
        content_type=content_type,
        disposition=disposition,
        named=bool(file_name),
        file_name=file_name,
        children=children,
        doubt=doubt,
    )


PLAIN, HTML = part("text/plain"), part("text/html")


def is_file(child: Part, parent: str = "multipart/mixed") -> bool:
    """Whether a part behind the text of a multipart is shown as a file."""
    return list(files(part(parent, PLAIN, child))) == [child]


@pytest.mark.parametrize(
    "child",
    [
        part("application/pdf", disposition="attachment", file_name="a.pdf"),
        part("application/pdf", disposition="inline", file_name="a.pdf"),
        part("application/octet-stream"),
        part("image/png", disposition="inline"),
        part("text/csv"),
        part("text/plain", disposition="attachment"),
        part("text/html", file_name="page.html"),
        part("text/calendar", disposition="attachment", file_name="a.ics"),
        part("message/rfc822"),
        part("message/rfc822", disposition="inline"),
        part("application/ics", file_name="a.ics"),
    ],
)
def test_t29_what_readers_show_as_a_file_is_one(child: Part) -> None:
    assert is_file(child)


@pytest.mark.parametrize(
    "child",
    [
        part("text/plain"),
        part("text/plain", disposition="inline", file_name="a.txt"),
        part("text/html", disposition="inline"),
        part("text/calendar"),
        part("text/calendar", disposition="inline", file_name="a.ics"),
        part("message/delivery-status"),
        part("message/partial"),
        part("message/external-body"),
        part("multipart/mixed"),
        part("multipart/related", part("text/html")),
        part("application/pdf", doubt="x"),
    ],
)
def test_t29_what_they_show_in_the_message_is_none(child: Part) -> None:
    assert not is_file(child)


@pytest.mark.parametrize(
    ("child", "expected"),
    [
        (part("text/html"), False),
        (part("text/html", file_name="body.html"), False),
        (part("text/x-amp-html"), False),
        (part("text/calendar"), False),
        (part("text/calendar", disposition="attachment", file_name="a.ics"), False),
        (part("text/enriched"), False),
        (part("text/enriched", disposition="attachment"), True),
        (part("text/html", disposition="attachment"), True),
        (part("application/pdf", disposition="attachment"), True),
        (part("application/pdf", file_name="a.pdf"), True),
        (part("image/png"), True),
    ],
)
def test_t29_the_faces_of_an_alternative_are_no_files(child: Part, *, expected: bool) -> None:
    assert is_file(child, "multipart/alternative") is expected


@pytest.mark.parametrize("parent", ["multipart/report", "multipart/digest", "multipart/signed"])
def test_parts_that_are_read_together_are_no_files(parent: str) -> None:
    assert not is_file(part("message/rfc822"), parent)
    assert not is_file(part("application/pdf", disposition="attachment"), parent)


def test_a_loose_signature_seals_what_stands_beside_it() -> None:
    pdf = part("application/pdf", disposition="attachment")
    assert list(files(part("multipart/mixed", PLAIN, pdf, part("application/pgp-signature")))) == []


def test_a_message_that_is_one_file_stays() -> None:
    assert list(files(part("application/pdf", disposition="attachment"))) == []


def test_files_are_found_at_every_depth_in_order() -> None:
    one, two, three = (part("application/pdf", file_name=letter) for letter in "abc")
    related = part("multipart/related", HTML, two)
    root = part("multipart/mixed", one, part("multipart/alternative", PLAIN, related), three)
    assert list(files(root)) == [one, two, three]


@pytest.mark.parametrize(
    ("child", "expected"),
    [
        (part("application/pdf", file_name="año.pdf"), "año.pdf"),
        (part("application/pdf"), "attachment.pdf"),
        (part("message/rfc822"), "message.eml"),
        (part("application/x-unheard-of"), "attachment.bin"),
    ],
)
def test_a_file_without_a_name_gets_one_by_its_type(child: Part, expected: str) -> None:
    assert name(child) == expected
