from pathlib import Path

import pytest

from estafeta_core.config.document import ConfigError
from estafeta_postfix.checks.setup import Setup


def test_each_part_is_read_once(config: Path) -> None:
    setup = Setup(config)
    assert [account.account for _, account in setup.accounts] == ["acme"]
    assert setup.config.hostname == "mx.example.com"
    config.unlink()
    assert setup.config.hostname == "mx.example.com"
    with pytest.raises(ConfigError, match="cannot be read"):
        _ = setup.document
