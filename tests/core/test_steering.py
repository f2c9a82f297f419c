import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core import steering
from estafeta_core.headers import Header
from estafeta_core.refusal import RefusedError
from estafeta_core.steering import NOTICES, Asked


def asked(*fields: tuple[str, bytes]) -> Asked:
    headers = [Header(name, value) for name, value in fields]
    return Asked(headers, frozenset({"x-one", "x-other"}), ("x-my-",))


@pytest.mark.parametrize("name", ["X-One", "x-one", "X-ONE ", "X-One\t"])
@pytest.mark.parametrize("value", [b"a b", b"  a\r\n\tb ", b"=?utf-8?Q?a_b?="])
def test_a_value_is_read_however_it_is_written(name: str, value: bytes) -> None:
    found = asked((name, value))
    assert "X-One" in found
    assert (found.text("X-One"), found.notices) == ("a b", ())


def test_what_is_not_there_is_nothing() -> None:
    found = asked(("X-Two", b"x"), ("One", b"x"), ("X-My", b"x"))
    assert "X-One" not in found
    assert (found.text("X-One"), found.texts("X-One"), found.object("X-One")) == ("", [], {})
    assert found.switch("X-One", True)
    assert found.named("X-My-") == {}


def test_of_several_values_the_first_counts_and_the_sender_is_told() -> None:
    assert asked(("X-One", b"a"), ("x-one", b"a")).notices == ()
    found = asked(("X-One", b"a"), ("x-one", b"b"))
    assert (found.text("X-One"), found.texts("X-One")) == ("a", ["a", "b"])
    assert found.notices == ("X-One is given 2 times; the first one counts",)


@pytest.mark.parametrize(
    ("value", "expected", "told"),
    [
        (b"yes", True, 0),
        (b"NO", False, 0),
        (b"0", False, 0),
        (b"on", True, 0),
        (b"", True, 0),
        (b"maybe", True, 1),
    ],
)
def test_a_switch_is_read_or_the_default_holds(value: bytes, expected: bool, told: int) -> None:
    found = asked(("X-One", value))
    assert (found.switch("X-One", True), len(found.notices)) == (expected, told)


def test_names_of_an_open_kind_are_read_as_they_are_written() -> None:
    found = asked(("X-My-Color", b"blue"), ("x-my-size ", b"1"), ("X-MY-SIZE", b"2"))
    assert found.named("X-My-") == {"Color": "blue", "size": "1"}


@pytest.mark.parametrize("value", [b"", b"no", b"0", b"none", b" False "])
def test_a_header_that_asks_for_nothing_is_not_refused(value: bytes) -> None:
    found = asked(("X-One", value))
    found.refuse({"X-One": "why"})
    found.leave_out({"X-One": "why"})
    assert found.notices == ()


def test_a_header_that_asks_is_refused_or_left_out() -> None:
    found = asked(("X-One", b"no"), ("X-One", b"yes"))
    found.leave_out({"X-Other": "x", "X-One": "why"})
    assert found.notices == ("X-One is not supported: why",)
    with pytest.raises(RefusedError, match=r"^550 5\.6\.0 X-One is not supported: why$"):
        found.refuse({"X-One": "why"})


def test_names_that_are_not_known_are_told_and_no_more_than_a_few() -> None:
    found = asked(*((f"X-My-{number}", b"x") for number in range(100)))
    found.leave_unknown(("x-my-",), {"x-my-3"}, ("x-my-4",))
    assert len(found.notices) == NOTICES
    assert not {"'X-My-3' is not known here", "'X-My-4' is not known here"} & set(found.notices)


def test_a_long_text_of_a_client_is_shown_in_part() -> None:
    assert steering.shown("x" * 41) == repr("x" * 40 + "...")


def test_d6_a_value_that_postfix_may_have_cut_is_refused() -> None:
    with pytest.raises(RefusedError, match="X-One is too long: headers are cut at 60000 bytes"):
        asked(("X-One", b"x" * 54_000)).text("X-One")


def test_d4_nul_does_not_come_in_by_an_encoded_word() -> None:
    assert asked(("X-One", b"=?utf-8?Q?a=00b?=")).text("X-One") == "a\ufffdb"


@given(st.binary(max_size=200))
def test_whatever_a_value_is_it_is_text_that_can_be_stored(value: bytes) -> None:
    text = asked(("X-One", value)).text("X-One")
    text.encode()  # no lone surrogate
    assert "\0" not in text
