import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core.headers import Header
from estafeta_milter import edits
from estafeta_milter.edits import (
    AddHeader,
    AddRecipient,
    ChangeHeader,
    ChangeSender,
    DeleteHeader,
    DeleteRecipient,
    ReplaceBody,
    difference,
)
from estafeta_milter.message.message import Message
from estafeta_testing.office import packet, queued

A, B, C = Header("A", b"1"), Header("B", b"2"), Header("C", b"3")


def received(*headers: Header, recipients: tuple[str, ...] = ("a@example.net", "b@example.net")) -> Message:
    return Message("app@acme.example", recipients, headers, b"body\r\n")


def test_a_message_that_nobody_changed_needs_no_edit() -> None:
    message = received(A, B)
    assert difference(message, message) == []
    assert difference(message, message.with_headers((A, B)).with_recipients(message.recipients)) == []
    assert difference(message, message.rendered()) == []


def test_several_fields_of_a_name_are_deleted_from_the_last_to_the_first() -> None:
    before = received(Header("X", b"1"), A, Header("x", b"2"), Header("X", b"3"))
    assert difference(before, before.without_headers(["x"])) == [
        DeleteHeader("X", 3),
        DeleteHeader("x", 2),
        DeleteHeader("X", 1),
    ]


def test_one_of_several_is_deleted_by_its_number() -> None:
    first, second, third = Header("X", b"1"), Header("X", b"2"), Header("X", b"3")
    before = received(first, A, second, third)
    assert difference(before, before.with_headers((first, A, third))) == [DeleteHeader("X", 2)]


def test_a_field_with_white_space_before_its_colon_is_deleted_by_its_name_alone() -> None:
    before = received(Header("X-MSYS-API", b"1"), Header("X-MSYS-API \t", b"2"))
    assert difference(before, before.without_headers(["x-msys-api"])) == [
        DeleteHeader("X-MSYS-API", 2),
        DeleteHeader("X-MSYS-API", 1),
    ]


def test_a_field_in_the_place_of_one_of_its_name_is_a_change() -> None:
    before = received(A, Header("b", b"old"), C)
    assert difference(before, before.with_headers((A, Header("B", b"new"), C))) == [
        ChangeHeader("B", 1, "new")
    ]


def test_a_field_put_behind_others_leaves_its_old_place() -> None:
    before = received(A, B)
    assert difference(before, before.without_headers(["A"]).add_header("A", b"new")) == [
        DeleteHeader("A", 1),
        AddHeader("A", "new"),
    ]


def test_a_field_equal_to_one_that_was_there_is_another_field() -> None:
    before = received(A)
    assert difference(before, before.add_header("A", b"1")) == [AddHeader("A", "1")]


def test_a_field_put_between_others_is_appended_and_none_is_lost() -> None:
    before = received(A, B)
    assert difference(before, before.with_headers((A, C, B))) == [AddHeader("C", "3")]


def test_the_body_is_replaced_only_when_it_is_another() -> None:
    before = received(A)
    after = Message(before.sender, before.recipients, before.headers, b"new\r\n")
    assert difference(before, after) == [ReplaceBody(b"new\r\n")]


def test_sender_and_recipients() -> None:
    before = received(A)
    after = before.with_sender("").with_recipients(["b@example.net"])
    assert difference(before, after) == [ChangeSender(""), DeleteRecipient("a@example.net")]


def test_every_spelling_of_a_recipient_is_deleted_and_none_of_one_that_stays() -> None:
    before = received(
        recipients=("a@example.net", "B@example.net", "A@example.net", "b@Example.net", "B@example.net")
    )
    assert difference(before, before.with_recipients(["B@example.net"])) == [
        DeleteRecipient("a@example.net"),
        DeleteRecipient("A@example.net"),
    ]


def test_new_recipients_are_told_behind_those_that_go_and_with_domains_in_a_labels() -> None:
    before = received(A)
    after = before.with_recipients(["B@example.net", "Carol@b\u00fccher.example", "dan@Example.org"])
    assert difference(before, after) == [
        DeleteRecipient("a@example.net"),
        AddRecipient("Carol@xn--bcher-kva.example"),
        AddRecipient("dan@Example.org"),
    ]
    assert difference(before, before.with_recipients(["j\u00f6rg@b.example"]))[-1] == AddRecipient(
        "j\u00f6rg@b.example"
    )


def test_text_of_the_clients_in_a_changed_field_is_told_in_utf8() -> None:
    before = received(Header("Cc", b"x@e.example"))
    after = before.with_headers([Header("Cc", "J\u00f6rg <x@e.example>".encode())])
    assert difference(before, after) == [ChangeHeader("Cc", 1, "J\u00f6rg <x@e.example>")]


def test_what_is_no_text_is_never_written() -> None:
    before = received(A)
    with pytest.raises(UnicodeDecodeError):
        difference(before, before.add_header("B", b"\xff"))


NAMES = st.sampled_from(["A", "a", "B", "X-MSYS-API", "x-msys-api", "X-MSFBL", "A "])
VALUES = st.text("abc\n\t ", min_size=1, max_size=5).map(str.encode)
FIELDS = st.lists(st.builds(Header, NAMES, VALUES | st.just(b"\xff\n\t\xe9")), max_size=12)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("drop"), NAMES, VALUES),
        st.tuples(st.just("add"), NAMES, VALUES),
        st.tuples(st.just("change"), st.integers(0, 11), VALUES),
        st.tuples(st.just("take"), st.integers(0, 11), VALUES),
    ),
    max_size=8,
)


def changed(message: Message, steps: list[tuple[str, str | int, bytes]]) -> Message:
    """Return `message` after what handlers may do."""
    for step, what, value in steps:
        fields = list(message.headers)
        if step == "drop":
            message = message.without_headers([str(what)])
        elif step == "add":
            message = message.add_header(str(what).rstrip(), value)
        elif isinstance(what, int) and what < len(fields):
            field = fields[what]
            fields[what : what + 1] = [Header(field.name.rstrip(), value)] if step == "change" else []
            message = message.with_headers(fields)
    return message


@given(FIELDS, STEPS, st.sets(st.integers(0, 3)), st.sampled_from(["", "b+t@bounce.example.com"]))
def test_postfix_makes_of_the_edits_exactly_the_message_that_was_meant(
    fields: list[Header], steps: list[tuple[str, str | int, bytes]], going: set[int], sender: str
) -> None:
    recipients = ("a@example.net", "b@example.net", "c@example.net", "d@example.net")
    before = Message("app@acme.example", recipients, tuple(fields), b"body\r\n")
    after = changed(before, steps).with_recipients(recipients[place] for place in sorted(going))
    after = after.with_sender(sender)
    made = queued(before).edit([packet(edit) for edit in difference(before, after)])
    assert made == queued(after)


@given(FIELDS, STEPS)
def test_what_stays_is_not_told_again(
    fields: list[Header], steps: list[tuple[str, str | int, bytes]]
) -> None:
    before = received(*fields)
    after = changed(before, steps)
    stay = {id(field) for field in before.headers} & {id(field) for field in after.headers}
    told = [edit for edit in difference(before, after) if not isinstance(edit, AddHeader)]
    assert len(told) == len(before.headers) - len(stay)
    assert all(isinstance(edit, edits.DeleteHeader | edits.ChangeHeader) for edit in told)
