import pytest

from estafeta_postfix.install.parts import (
    BEGIN,
    END,
    HOOK,
    NOTHING,
    UNENDED,
    Ours,
    PartsError,
    ours,
    with_ours,
    without,
)

MASTER = (
    "smtp inet n - y - - smtpd\n  -o a=b\n# remark\n"
    "pickup    unix  n - y 60 1 pickup\n   -o c=d\ncleanup unix n - y - 0 cleanup\n"
)
WANTED = Ours("a = b\n", hook=False)
HOOKED = Ours("x unix - - n - - smtp\n", hook=True)


@pytest.mark.parametrize(
    "text", ["", "a = 1\n", "a = 1", "# only a remark", "a =\n  b\n\n\n", "\n", "a = \udcff\n"]
)
def test_the_operators_part_comes_back_byte_for_byte(text: str) -> None:
    made = with_ours(text, WANTED)
    assert ours(made) == WANTED
    assert without(made) == text
    assert with_ours(made, WANTED) == made
    assert with_ours(made, NOTHING) == text


def test_a_last_line_without_an_end_gets_one_and_the_mark_says_so() -> None:
    assert with_ours("a = 1", WANTED) == f"a = 1\n{BEGIN}{UNENDED}\na = b\n{END}\n"


def test_what_was_added_behind_our_block_stays_behind_it_and_on_lines_of_its_own() -> None:
    made = with_ours("a = 1", WANTED) + "c = 2\n"
    assert without(made) == "a = 1\nc = 2\n"
    assert with_ours(made, Ours("z = 3\n")) == f"a = 1\n{BEGIN}{UNENDED}\nz = 3\n{END}\nc = 2\n"


def test_pickup_gets_its_override_below_its_own_line() -> None:
    made = with_ours(MASTER, HOOKED)
    assert f"pickup    unix  n - y 60 1 pickup\n{HOOK}   -o c=d\n" in made
    assert ours(made) == HOOKED
    assert without(made) == MASTER


def test_the_override_is_found_however_postconf_has_laid_it_out() -> None:
    made = with_ours(MASTER, HOOKED).replace(HOOK, "    -o cleanup_service_name=estafeta-requeue\n")
    assert without(made) == MASTER


@pytest.mark.parametrize(
    "text", [f"{BEGIN}\n", f"{END}\n", f"{BEGIN}\n{END}\n{BEGIN}\n", f"{END}\n{BEGIN}\n"]
)
def test_marks_that_are_no_pair_are_not_guessed_at(text: str) -> None:
    with pytest.raises(PartsError, match="not one pair"):
        ours(text)
    with pytest.raises(PartsError, match="not one pair"):
        with_ours(text, WANTED)


def test_a_master_cf_without_pickup_is_refused() -> None:
    with pytest.raises(PartsError, match="pickup"):
        with_ours("smtp inet n - y - - smtpd\n", HOOKED)
