from pathlib import Path

import pytest

from estafeta_postfix.checks.configuration import look
from estafeta_postfix.checks.setup import Setup


def test_what_can_be_used_and_is_meant_so_is_not_spoken_of(setup: Setup) -> None:
    assert list(look(setup)) == []


@pytest.mark.parametrize(
    ("old", "new", "severity", "said"),
    [
        ("run_dir: run", "run_dir: my run", "error", "cannot stand in a Postfix file"),
        (
            "port: 587",
            "port: 587, tls: none, bind: 0.0.0.0",
            "warning",
            "listeners.a.tls: keys and passwords",
        ),
        ("run_dir: run", "run_dir: run\nip_pools: {p: {bind_address: 192.0.2.7}}", "warning", "pool waits"),
    ],
)
def test_p03_what_may_not_be_meant_so_is_told(
    config: Path, old: str, new: str, severity: str, said: str
) -> None:
    config.write_text(config.read_text().replace(old, new))
    (found,) = look(Setup(config))
    assert found.severity == severity
    assert said in found.reason
