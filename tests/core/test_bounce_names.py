import pytest

from estafeta_core import bounce_class
from estafeta_core.bounce_names import CATEGORIES, NAMES, classes_of, name_of


@pytest.mark.parametrize(
    ("number", "name", "category"),
    [
        (1, "Undetermined", "Undetermined"),
        (10, "Invalid Recipient", "Hard"),
        (22, "Mailbox Full", "Soft"),
        (25, "Admin Failure", "Admin"),
        (54, "Relaying Denied", "Block"),
        (90, "Unsubscribe", "Hard"),
        (0, "Undetermined", "Undetermined"),
        (999, "Undetermined", "Undetermined"),
    ],
)
def test_a_class_has_the_name_and_category_of_sparkposts_table(number: int, name: str, category: str) -> None:
    assert (name_of(number).name, name_of(number).category) == (name, category)


def test_every_class_that_is_given_has_a_name() -> None:
    given = {value for name, value in vars(bounce_class).items() if name.isupper() and isinstance(value, int)}
    assert given <= set(NAMES)


def test_every_class_is_of_one_category() -> None:
    assert sorted(each for category in CATEGORIES for each in classes_of(category)) == sorted(NAMES)
