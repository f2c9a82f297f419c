import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_milter.message.splice import Edit, splice


def test_without_edits_the_bytes_are_the_same_object() -> None:
    data = b"abc" * 100
    assert splice(data, []) is data


def test_insertions_at_one_place_keep_their_order_and_stand_before_a_replacement() -> None:
    edits = [Edit(1, 2, b"R"), Edit(1, 1, b"1"), Edit(1, 1, b"2"), Edit(3, 3, b"!")]
    assert splice(b"abc", edits) == b"a12Rc!"


def test_overlapping_edits_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="overlap"):
        splice(b"abcdef", [Edit(0, 3, b""), Edit(2, 4, b"")])


@given(st.lists(st.tuples(st.binary(max_size=5), st.binary(max_size=5), st.binary(max_size=5)), max_size=8))
def test_what_is_not_edited_stays(pieces: list[tuple[bytes, bytes, bytes]]) -> None:
    data, expected, edits = b"", b"", []
    for kept, old, new in pieces:
        start = len(data) + len(kept)
        edits.append(Edit(start, start + len(old), new))
        data += kept + old
        expected += kept + new
    assert splice(data, edits) == expected
