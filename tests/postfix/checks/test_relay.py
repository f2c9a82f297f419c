from estafeta_postfix.checks.relay import look
from estafeta_postfix.checks.setup import Setup

from .conftest import listening


def test_a_server_that_takes_everything_is_an_open_relay_and_gets_no_message(
    setup: Setup, world: int
) -> None:
    listening(setup, world)
    (found,) = look(setup)
    assert (found.severity, found.code) == ("error", "open-relay")
    outbox = setup.path.parent / "outbox" / "new"
    assert not outbox.exists() or list(outbox.iterdir()) == []
