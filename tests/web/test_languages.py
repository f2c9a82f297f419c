import pytest

from estafeta_web.languages import ENGLISH, RANGES, chosen

KNOWN = ("en", "es", "ru", "no")


@pytest.mark.parametrize(
    ("asked", "accept", "expected"),
    [
        ("es", "ru", "es"),
        ("xx", "ru", "ru"),
        ("", "ru", "ru"),
        ("", "ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ("", "fr, es;q=0.5, ru;q=0.7", "ru"),
        ("", "es;q=0, ru;q=0.1", "ru"),
        ("", "es;q=0", ENGLISH),
        ("", "NB-no", "no"),
        ("", "nn ; q = 0.5", "no"),
        ("", "es;q=2, ru;q=x, ;;, *, \x00", ENGLISH),
        ("", "", ENGLISH),
        ("", "fr," * RANGES + "es", ENGLISH),
        ("", "es, ru", "es"),
    ],
)
def test_the_first_language_that_is_asked_for_and_known_is_spoken(
    asked: str, accept: str, expected: str
) -> None:
    assert chosen(asked, accept, KNOWN) == expected
