from collections.abc import Callable

from estafeta_postfix.demo.scenario import Scenario
from estafeta_postfix.demo.sparkpost import SPARKPOST, TARGET


def test_the_message_is_as_a_client_of_sparkpost_sends_it() -> None:
    message = SPARKPOST.message()
    assert '"open_tracking": true' in message["X-MSYS-API"]
    assert TARGET in message.get_body(("plain",)).get_content()  # type: ignore[union-attr] # there is one


def test_a_message_that_leaves_as_it_came_is_not_what_is_expected(
    look_unchanged: Callable[[Scenario], list[str]],
) -> None:
    failed = "\n".join(look_unchanged(SPARKPOST))
    for what in ("List-Unsubscribe", "X-MSFBL", "in the plain text", "open pixels", "the link is tracked"):
        assert what in failed
