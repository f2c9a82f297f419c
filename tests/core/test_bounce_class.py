"""Bounce classes by enhanced status code, and by what was said where the code is vague."""

import pytest

from estafeta_core.bounce_class import HARD, classify


@pytest.mark.parametrize(
    ("status", "bounce", "delay"),
    [
        ("5.1.1", 10, 10),
        ("5.1.0", 10, 10),
        ("5.1.3", 10, 10),
        ("5.1.6", 10, 10),
        ("5.1.2", 21, 21),
        ("5.1.10", 21, 21),
        ("4.1.2", 21, 21),
        ("5.4.4", 21, 21),
        ("4.4.3", 21, 21),
        ("5.2.1", 10, 10),
        ("5.2.2", 22, 22),
        ("4.2.2", 22, 22),
        ("5.2.3", 23, 23),
        ("5.3.4", 23, 23),
        ("4.4.1", 24, 24),
        ("4.4.2", 24, 24),
        ("4.4.7", 24, 24),
        ("5.4.7", 24, 24),
        ("5.7.1", 50, 50),
        ("5.7.27", 50, 50),
        ("5.1.7", 50, 50),
        ("5.1.8", 50, 50),
        ("5.1.9", 1, 1),
        ("5.0.0", 1, 1),
        ("5.6.0", 1, 1),
        ("4.2.1", 20, 70),
        ("4.7.1", 20, 70),
        ("4.3.0", 20, 70),
        (" 5.1.1 ", 10, 10),
        ("", 1, 1),
        ("550", 1, 1),
        ("5.1.1234", 1, 1),
        ("9.1.1", 1, 1),
        ("5.1.1\n", 10, 10),
    ],
)
def test_the_enhanced_status_code_gives_the_class(status: str, bounce: int, delay: int) -> None:
    assert classify(status, final=True) == bounce
    assert classify(status, final=False) == delay


NOBODY = "550 5.7.1 No such user!"
SPAM = "554 5.7.1 Message rejected under suspicion of SPAM"


@pytest.mark.parametrize(
    ("status", "final", "text", "expected"),
    [
        ("5.7.1", True, NOBODY, 10),
        ("5.0.0", True, NOBODY, 10),
        ("", True, NOBODY, 10),
        ("", False, NOBODY, 1),  # it may pass, so it costs nobody his place
        ("4.7.1", True, NOBODY, 20),
        ("4.7.1", False, NOBODY, 70),
        ("4.7.1", False, "450 4.7.1 Greylisted: policy restrictions", 70),
        ("4.7.0", False, "421 4.7.0 [TSS04] Messages temporarily deferred due to user complaints", 51),
        ("5.1.1", True, SPAM, 52),  # the code blames the recipient, the words do not
        ("5.2.2", True, NOBODY, 22),  # a definite code stands
        ("5.3.4", True, SPAM, 23),
        ("4.4.2", False, SPAM, 24),
    ],
)
def test_what_was_said_counts_where_the_code_is_vague(
    status: str, final: bool, text: str, expected: int
) -> None:
    assert classify(status, final=final, text=text) == expected


def test_only_three_classes_cost_a_recipient_his_place() -> None:
    assert frozenset({10, 30, 90}) == HARD
