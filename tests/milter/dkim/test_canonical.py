"""Examples of RFC 6376 section 3.4.5, hostile bytes, and dkimpy's reading of both."""

import re

import pytest
from dkim.canonicalization import Relaxed  # type: ignore[import-untyped]  # it comes without types
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core.headers import Header
from estafeta_milter.dkim.canonical import relaxed_body, relaxed_header, relaxed_value
from estafeta_testing.cost import at_most

_PIECES = st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"\r", b"\n", b"a", b"\x0b", b"\x00", b"\xe9"]))


def test_the_example_of_the_rfc() -> None:
    assert relaxed_header(Header("A", b"X")) == b"a:X"
    assert relaxed_header(Header("B ", b"Y\t\n\tZ  ")) == b"b:Y Z"
    assert relaxed_body(b" C \r\nD \t E\r\n\r\n\r\n") == b" C\r\nD E\r\n"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"", b""),
        (b"  \t ", b""),
        (b"\n  x \n\t", b"x"),
        (b"a\r\n\t b", b"a b"),
        (b"a \t b", b"a b"),
        (b"\xc3\xa9  \xe9", b"\xc3\xa9 \xe9"),
        (b"a\x0bb\x0c", b"a\x0bb\x0c"),
        (b"a\r b", b"a\r b"),
    ],
)
def test_a_value_is_one_line_with_single_spaces(value: bytes, expected: bytes) -> None:
    assert relaxed_value(value) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", b""),
        (b"\r\n", b""),
        (b"\r\n\r\n", b""),
        (b" \t\r\n \r\n", b""),
        (b" ", b""),
        (b"a", b"a\r\n"),
        (b"a \t", b"a\r\n"),
        (b"a\r\n", b"a\r\n"),
        (b"\r\na\r\n \r\n\r\n", b"\r\na\r\n"),
        (b"a\r", b"a\r\r\n"),
        (b"a\n", b"a\n\r\n"),
        (b"a\r\r\n\r\n", b"a\r\r\n"),
        (b"a\n\r\n\r\n", b"a\n\r\n"),
        (b"\r\r\n", b"\r\r\n"),
        (b"a   \t  b\t\tc \r\n", b"a b c\r\n"),
        (b" \n \r \x0b \r\n", b" \n \r \x0b\r\n"),
    ],
)
def test_a_body_has_single_spaces_and_ends_once(body: bytes, expected: bytes) -> None:
    assert relaxed_body(body) == expected


@given(_PIECES)
def test_a_body_is_what_dkimpy_makes_of_it(pieces: list[bytes]) -> None:
    body = b"".join(pieces)
    # dkimpy gives a body of white space without a line end one of its own (" \r\n", not nothing), and the
    # same where the last line has such an end; the RFC takes white space at the end of every line away.
    ended = body if body.endswith(b"\r\n") or not body else body + b"\r\n"
    assert relaxed_body(body) == Relaxed.canonicalize_body(ended)


@given(_PIECES)
def test_what_is_canonical_stays(pieces: list[bytes]) -> None:
    body = relaxed_body(b"".join(pieces))
    assert relaxed_body(body) == body
    value = relaxed_value(re.sub(rb"[\r\n]", b"", b"".join(pieces)))
    assert relaxed_value(value) == value


@pytest.mark.parametrize(
    "body",
    [
        b"\r\n" * 2_000_000 + b"\r",
        b"\n\r" * 2_000_000,
        b" " * 4_000_000 + b"x",
        b" \t" * 2_000_000,
        b" \r\n" * 1_000_000,
        b"a  " * 1_000_000,
    ],
    ids=["ends", "ends backwards", "spaces", "tabs", "blank lines", "pairs"],
)
def test_no_body_takes_long(body: bytes) -> None:
    with at_most(2):  # it is a tenth; what is not linear takes minutes
        relaxed_body(body)
