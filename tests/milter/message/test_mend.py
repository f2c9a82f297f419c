import pytest

from estafeta_core.headers import Header
from estafeta_milter.message.mend import mended
from estafeta_milter.message.message import Message
from estafeta_milter.message.part import Part

SUBJECT = Header("Subject", b"prueba")
PARTS = (
    b"This is a multi-part message in MIME format.\r\n"
    b"-----0500\r\nContent-Type: text/plain\r\n\r\nBuenas\r\n"
    b"-----0500\r\nContent-Type: text/html\r\n\r\n<b>Buenas</b>\r\n"
    b"-----0500--\r\n"
)


def message(kind: bytes, body: bytes, *others: Header) -> Message:
    headers = (SUBJECT, Header("Content-Type", kind), *others)
    return Message("a@example.com", ("b@example.com",), headers, body)


def kinds(made: Message) -> list[str]:
    assert isinstance(made.structure, Part)
    return [part.content_type for part in made.structure.children]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (b'multipart/alternative;\n boundary="-----0500"', PARTS),
        (b"multipart/alternative; boundary=-----0500", PARTS),
        (b"multipart/alternative;", b'boundary="-----0500"\r\n\r\n' + PARTS),
        (b"multipart/alternative", b"Boundary=-----0500\r\n\r\n" + PARTS),
        (b"multipart/alternative;", b'boundary="-----0500"\n\n' + PARTS.replace(b"\r\n", b"\n")),
        (
            b"multipart/alternative;",
            b'boundary="-----0500"\r\n\r\n' + PARTS.replace(b"-----0500", b"-------0500"),
        ),
    ],
)
def test_t61_the_parts_of_the_manuals_example_are_found(kind: bytes, body: bytes) -> None:
    found = mended(message(kind, body))
    assert kinds(found) == ["text/plain", "text/html"]
    assert found.body == body[body.index(b"This is") :]
    assert found.headers[0] is SUBJECT
    assert b"\n" not in found.headers[1].value.replace(b"\n ", b"")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (b'multipart/alternative; boundary="---0500"', PARTS),
        (b'multipart/alternative; boundary="-----0500"', PARTS + b"-------0500\r\n"),
        (b'multipart/alternative; boundary="-----0500"', b"-----0500\r\n\r\nno end\r\n"),
        (b'multipart/alternative; boundary="0500"', PARTS.replace(b"-----0500", b"0500")),
        (b'multipart/alternative; boundary="--"', b"--\r\n\r\na\r\n----\r\n"),
        (b"multipart/alternative; charset=x", b'boundary="-----0500"\r\n\r\n' + PARTS),
        (b"multipart/alternative;", b'boundary="-----0500"\r\nmore\r\n\r\n' + PARTS),
        (b"text/plain", b'boundary="-----0500"\r\n\r\n' + PARTS),
        (b"multipart/alternative; boundary=\xe9", PARTS),
        (b'multipart/alternative; boundary="-----0500', PARTS),
    ],
)
def test_what_is_otherwise_unusual_or_right_stays_as_it_is(kind: bytes, body: bytes) -> None:
    received = message(kind, body)
    assert mended(received) is received


def test_a_boundary_is_taken_back_into_the_last_field_only() -> None:
    received = message(b"multipart/alternative;", b'boundary="-----0500"\r\n\r\n' + PARTS, Header("To", b"x"))
    assert mended(received) is received
    twice = message(
        b'multipart/alternative; boundary="-----0500"', PARTS, Header("content-type", b"text/html")
    )
    assert mended(twice) is twice
