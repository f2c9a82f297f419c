from collections.abc import Callable

from estafeta_postfix.demo.devino import DEVINO, GREETING
from estafeta_postfix.demo.scenario import Scenario


def test_the_message_has_both_tags_in_another_charset() -> None:
    message = DEVINO.message()
    assert message.get_content_charset() == "windows-1251"
    assert all(text in message.get_content() for text in (GREETING, "[Unsubscribe]", "[WebVersion]"))


def test_a_message_that_leaves_as_it_came_is_not_what_is_expected(
    look_unchanged: Callable[[Scenario], list[str]],
) -> None:
    failed = "\n".join(look_unchanged(DEVINO))
    for what in ("UTF-8", "first recipient only", "have become links", "one link of each kind", "is tracked"):
        assert what in failed
