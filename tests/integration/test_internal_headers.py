"""No recipient ever sees a control header, or a header of ours that a client made up."""

import pytest

from estafeta_testing.relay import SENDER, Relay

SPELLINGS = [
    b"X-MSYS-API: {}",
    b"x-msys-api: {}",
    b"X-MsYs-ApI:{}",
    b"X-MSYS-API:\r\n {}",
    b"X-MSYS-API:\r\n\t{\r\n \t }",
    b"X-MSYS-API : {}",
    b"X-MSYS-API \t: {}",
    b"X-Estafeta-Job: forged",
    b"X-ESTAFETA-JOB: forged",
    b"x-estafeta-: forged",
    b"X-Estafeta-Pool : marketing",
    b"X-Estafeta-Job:\r\n forged\r\n\tand folded",
    b"X-Estafeta-Job: " + b"x" * 70_000,
    b"X-Estafeta-Job: \xff\xfe",
]


@pytest.mark.parametrize("where", ["first", "last"])
@pytest.mark.parametrize("field", SPELLINGS, ids=lambda field: field[:40].decode("latin-1"))
def test_no_spelling_of_a_control_header_is_delivered(relay: Relay, field: bytes, where: str) -> None:
    ordinary = f"From: {SENDER}\r\nSubject: kept\r\nX-Other: kept".encode()
    head = b"\r\n".join([field, ordinary] if where == "first" else [ordinary, field])
    copy = relay.copy(relay.send(head + b"\r\n\r\nHello.\r\n"))
    assert b"msys-api" not in copy.message.lower()
    assert b"estafeta-" not in copy.message.lower()
    assert b"forged" not in copy.message
    assert copy.values("X-Other") == ["kept"]
    assert copy.values("Subject") == ["kept"]
    assert copy.body == b"Hello.\r\n"


def test_many_of_them_in_between_are_all_removed(relay: Relay) -> None:
    """Fields are numbered by name when they are deleted, and numbers move as others go."""
    fields = [b"X-Estafeta-Job: %d\r\nX-N: %d\r\nx-estafeta-job : %d" % (n, n, n) for n in range(20)]
    head = b"\r\n".join([f"From: {SENDER}".encode(), *fields])
    copy = relay.copy(relay.send(head + b"\r\n\r\nHello.\r\n"))
    assert b"estafeta-job" not in copy.message.lower()
    assert copy.values("X-N") == [str(n) for n in range(20)]


def test_what_stands_in_the_body_is_text(relay: Relay) -> None:
    body = b"X-MSYS-API: {}\r\nX-Estafeta-Job: quoted\r\n"
    copy = relay.copy(relay.send(f"From: {SENDER}\r\n\r\n".encode() + body))
    assert copy.body == body
