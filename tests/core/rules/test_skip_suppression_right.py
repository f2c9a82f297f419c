from collections.abc import Callable

from estafeta_core.directory import Credential
from estafeta_core.options import Options
from estafeta_core.rules import skip_suppression_right

ASKS = Options(skip_suppression=True)


def test_d11_only_a_key_with_the_right_may_skip_suppression(
    make_credential: Callable[..., Credential],
) -> None:
    without = make_credential(permissions=("send", "events"))
    having = make_credential(permissions=("send", "skip_suppression"))
    assert skip_suppression_right.check(ASKS, having) is None
    assert skip_suppression_right.check(ASKS, without) == skip_suppression_right.NOT_PERMITTED
    assert skip_suppression_right.NOT_PERMITTED.code == 550


def test_a_message_that_does_not_ask_needs_no_right(credential: Credential) -> None:
    assert skip_suppression_right.check(Options(), credential) is None
