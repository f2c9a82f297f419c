"""Bounce classes by enhanced status code."""

import pytest

from estafeta_core.bounce_class import classify


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
