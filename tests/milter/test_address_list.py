import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_milter.address_list import Mailbox, is_closed, mailboxes, tokens
from estafeta_testing.cost import at_most


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"bob@b.example", [(b"", b"bob@b.example")]),
        (b"Bob <bob@b.example>", [(b"Bob", b"bob@b.example")]),
        (
            b'"Doe, John" <j@b.example>,\n k@b.example',
            [(b'"Doe, John"', b"j@b.example"), (b"", b"k@b.example")],
        ),
        (b"a@b.example; c@b.example", [(b"", b"a@b.example"), (b"", b"c@b.example")]),
        (b"Team: a@b.example, Bob <b@b.example>;", [(b"", b"a@b.example"), (b"Bob", b"b@b.example")]),
        (b'"bob"@b.example', [(b"", b'"bob"@b.example')]),
        (b'"a@b.example" <c@b.example>', [(b'"a@b.example"', b"c@b.example")]),
        (b"a@b.example (c@b.example, d@b.example)", [(b"", b"a@b.example")]),
        (b'"nobody@b.example"', []),
        (b"Doe, John", []),
        (b"undisclosed-recipients:;", []),
        (b" ,;, ", []),
        (b"", []),
    ],
)
def test_the_mailboxes_of_a_list(value: bytes, found: list[tuple[bytes, bytes]]) -> None:
    assert [(each.name, each.address) for each in mailboxes(value)] == found


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("Bob@B.Example", "bob@b.example"),
        ("bob@B\u00dccher.example", "bob@xn--bcher-kva.example"),
        ('"bob"@b.example', "bob@b.example"),
        ('"b\\ob"@b.example', "bob@b.example"),
        ('"b ob"@b.example', "b ob@b.example"),
        ("no address", "no address"),
    ],
)
def test_b14_a_mailbox_is_known_however_it_is_spelt(address: str, key: str) -> None:
    assert Mailbox(b"", b"", address.encode()).key == key


def test_bytes_that_are_no_text_have_a_key_of_their_own() -> None:
    assert Mailbox(b"", b"", b"\xff@b.example").key == "\udcff@b.example"


@pytest.mark.parametrize(
    ("value", "closed"),
    [
        (b'"Doe, John" <j@b.example> (a (b) \\( c), x@b.example', True),
        (b"", True),
        (b"Team: a@b.example", True),
        (b'a@b.example, "Doe', False),
        (b"a@b.example (", False),
        (b"a@b.example (\\)", False),
        (b"<a@b.example", False),
        (b"a@b.example \\", False),
        (b'"a\\" <a@b.example>', False),
    ],
)
def test_what_may_be_written_behind(value: bytes, closed: bool) -> None:
    assert is_closed(value) is closed
    if closed:
        assert [*mailboxes(value + b", new@b.example")][-1].address == b"new@b.example"


@given(st.lists(st.sampled_from([*b'"<>(),;:\\=? a@\n\xff', b"=?a?Q?b?="]), max_size=60))
def test_the_tokens_are_all_of_a_list(pieces: list[int | bytes]) -> None:
    value = b"".join(piece if isinstance(piece, bytes) else bytes([piece]) for piece in pieces)
    assert b"".join(value[token.start : token.end] for token in tokens(value)) == value


@given(st.lists(st.from_regex(rb"[a-z]{1,9}@[a-z]{1,9}\.example", fullmatch=True), min_size=1, max_size=9))
def test_every_mailbox_of_a_list_is_found(addresses: list[bytes]) -> None:
    written = b", ".join(b'"x, y" <%s>' % address for address in addresses)
    assert [mailbox.address for mailbox in mailboxes(written)] == addresses


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
    value = piece * (200_000 // len(piece))
    with at_most(2):  # the square of the length would take minutes
        assert sum(1 for _ in mailboxes(value)) <= len(value)
        is_closed(value)
