from collections.abc import Callable

from estafeta_postfix.demo.perfit import PERFIT
from estafeta_postfix.demo.scenario import Scenario


def test_the_message_fits_into_the_size_that_perfit_announces() -> None:
    message = PERFIT.message()
    assert len(message.as_bytes()) < 10_000
    assert "{{nombre}} *|APELLIDO|*" in message.get_content()


def test_a_message_that_leaves_as_it_came_is_not_what_is_expected(
    look_unchanged: Callable[[Scenario], list[str]],
) -> None:
    failed = "\n".join(look_unchanged(PERFIT))
    for what in ("Date and Message-ID", "open pixels", "the link is tracked"):
        assert what in failed
    assert "template" not in failed
