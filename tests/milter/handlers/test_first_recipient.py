import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core.headers import Header, unfold
from estafeta_milter import edits
from estafeta_milter.address_list import mailboxes
from estafeta_milter.handlers import first_recipient
from estafeta_milter.message.message import Message
from estafeta_testing.cost import at_most
from estafeta_testing.office import FROM, make_job, make_message


def addressed(*values: bytes, rcpt_to: str | None = "bob@b.example") -> Message:
    message = make_message(
        headers=(FROM, *(Header("To", value) for value in values), Header("Subject", b"Hi"))
    )
    return first_recipient.apply(message, make_job(rcpt_to=rcpt_to))


def to(*values: bytes, rcpt_to: str | None = "bob@b.example") -> list[bytes]:
    message = addressed(*values, rcpt_to=rcpt_to)
    assert [message.headers[0].key, message.headers[-1].key] == ["from", "subject"]
    return [header.value for header in message.headers if header.key == "to"]


@pytest.mark.parametrize(
    ("value", "left"),
    [
        (b"bob@b.example, eve@e.example", b"bob@b.example"),
        (b"eve@e.example, Bob <bob@b.example>", b"Bob <bob@b.example>"),
        (b'"Bob, the Builder" <Bob@B.example>,\n eve@e.example', b'"Bob, the Builder" <Bob@B.example>'),
        (b"eve@e.example,bob@b.example (Bob, of course)", b"bob@b.example (Bob, of course)"),
        (b"(a, (b), c) bob@b.example, eve@e.example", b"(a, (b), c) bob@b.example"),
        (b"eve@e.example; bob@b.example", b"bob@b.example"),
        (b"Team: eve@e.example, Bob <bob@b.example>;", b"Bob <bob@b.example>"),
        (
            b"=?utf-8?Q?B=C3=B6b,_b?= <bob@b.example>, eve@e.example",
            b"=?utf-8?Q?B=C3=B6b,_b?= <bob@b.example>",
        ),
        (b"eve@e.example, =?utf-8?B?QsO2Yg==?=\n <bob@b.example>", b"=?utf-8?B?QsO2Yg==?=\n <bob@b.example>"),
        (b"eve@e.example, mallory@e.example", b"bob@b.example"),
        (b'"bob@b.example" <eve@e.example>, mallory@e.example', b"bob@b.example"),
        (b"<bob@b.example>, <eve@e.example>,", b"<bob@b.example>"),
        (b"bob@b.example, bob@b.example", b"bob@b.example"),
    ],
)
def test_d14_to_shows_the_recipient_alone_as_the_client_wrote_it(value: bytes, left: bytes) -> None:
    assert to(value) == [left]


@pytest.mark.parametrize(
    "value",
    [
        b"bob@b.example",
        b"Eve <eve@e.example>",
        b'"Builder, Bob" <bob@b.example>',
        b"bob@b.example (eve@e.example, mallory)",
        b"=?utf-8?Q?a,b?= <bob@b.example>",
        b"Team: bob@b.example;",
        b"undisclosed-recipients:;",
        b"Doe, John",
        b"",
        b",,,",
    ],
)
def test_a_to_of_one_mailbox_stays_whosever_it_is(value: bytes) -> None:
    message = make_message(headers=(FROM, Header("To", value)))
    assert first_recipient.apply(message, make_job(rcpt_to="bob@b.example")) is message


def test_several_fields_become_one() -> None:
    assert to(b"eve@e.example", b"Bob <bob@b.example>") == [b"Bob <bob@b.example>"]


def test_the_field_keeps_its_place_and_the_others_their_bytes() -> None:
    before = (Header("to", b"bob@b.example, eve@e.example"), FROM, Header("Cc", b"eve@e.example, \xff"))
    after = first_recipient.apply(make_message(headers=before), make_job(rcpt_to="bob@b.example")).headers
    assert after[0] == Header("to", b"bob@b.example")
    assert after[1] is before[1]
    assert after[2] is before[2]


def test_a_message_to_everybody_stays() -> None:
    assert to(b"bob@b.example, eve@e.example", rcpt_to=None) == [b"bob@b.example, eve@e.example"]


@pytest.mark.parametrize(
    ("value", "rcpt_to", "left"),
    [
        ('"Böb" <bob@b.example>, eve@e.example', "bob@b.example", "Böb <bob@b.example>"),
        ("Боб\n Строитель <bob@b.example>, e@e.example", "bob@b.example", "Боб Строитель <bob@b.example>"),
        ("B\\öb =?utf-8?Q?=C3=B6?= <bob@b.example>, e@e.example", "bob@b.example", "Böb ö <bob@b.example>"),
        ("Б" * 100 + " <bob@b.example>, e@e.example", "bob@b.example", "Б" * 100 + " <bob@b.example>"),
        ("Bob <bob@bücher.example>, e@e.example", "bob@bücher.example", "Bob <bob@xn--bcher-kva.example>"),
        ("bob@bücher.example, e@e.example", "bob@bücher.example", "bob@xn--bcher-kva.example"),
        ("e@e.example, d@e.example", "bob@bücher.example", "bob@xn--bcher-kva.example"),
        ("böb@b.example, e@e.example", "böb@b.example", "undisclosed-recipients:;"),
        ("d@e.example, e@e.example", "böb@b.example", "undisclosed-recipients:;"),
    ],
)
def test_what_is_not_ascii_is_encoded(value: str, rcpt_to: str, left: str) -> None:
    (field,) = map(unfold, to(value.encode(), rcpt_to=rcpt_to))
    words = re.findall(rb"=\?utf-8\?B\?([^?]*)\?= ?", field)
    assert all(len(word) + len("=?utf-8?B??=") <= 75 for word in words)
    text = b"".join(map(base64.b64decode, words)).decode()
    assert " ".join(filter(None, [text, field.rpartition(b"?= ")[2].decode()])) == left


def test_a_name_in_an_unknown_charset_is_left_out() -> None:
    assert to(b"\xc1\xd1\xd2 <bob@b.example>, e@e.example") == [b"bob@b.example"]


@given(
    st.lists(st.binary(max_size=80), min_size=1, max_size=3),
    st.sampled_from(["bob@b.example", "b\udcff@\udcff"]),
)
def test_whatever_to_holds_what_is_set_is_ascii_and_names_one_mailbox_at_most(
    values: list[bytes], rcpt_to: str
) -> None:
    before = make_message(headers=(FROM, *(Header("To", value) for value in values)))
    after = first_recipient.apply(before, make_job(rcpt_to=rcpt_to))
    edits.difference(before, after)
    if after is not before:
        (field,) = (header.value for header in after.headers if header.key == "to")
        assert field.isascii()
        assert len([*mailboxes(field)]) <= 1


@pytest.mark.parametrize(
    "piece",
    [
        b'"',
        b"(",
        b"()",
        b"<",
        b'"\\"',
        b"=?a?Q?",
        b"=?",
        b"a@b,",
        b"\\",
        b"a@",
        b'("',
        b":",
        b"<a@b",
        b"(a)@",
    ],
)
def test_c5_hostile_lists_take_linear_time(piece: bytes) -> None:
    with at_most(2):  # the square of the length would take minutes
        addressed(b"eve@e.example, " + piece * (200_000 // len(piece)))
