from collections.abc import Callable

from estafeta_postfix.demo.emitlo import EMITLO, INVOICE
from estafeta_postfix.demo.scenario import Scenario


def test_the_message_holds_html_alone_and_a_file() -> None:
    message = EMITLO.message()
    assert message.get_body(("plain",)) is None
    assert [part.get_content() for part in message.iter_attachments()] == [INVOICE]


def test_a_message_that_leaves_as_it_came_is_not_what_is_expected(
    look_unchanged: Callable[[Scenario], list[str]],
) -> None:
    failed = "\n".join(look_unchanged(EMITLO))
    for what in ("List-Unsubscribe", "open pixels", "the link is tracked"):
        assert what in failed
    assert "attached file" not in failed
