import pytest

from estafeta_postfix.sandbox.child import StartError, started


def test_a_sandbox_that_does_not_start_says_why() -> None:
    with pytest.raises(StartError, match="no-such-file"), started(["--config", "/no-such-file"]):
        pass
