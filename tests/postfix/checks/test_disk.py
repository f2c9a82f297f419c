from pathlib import Path

import pytest

from estafeta_postfix.checks import disk
from estafeta_postfix.checks.setup import Setup


@pytest.mark.parametrize(
    ("full", "nearly", "severity"), [(0, 0, []), (0, 2**62, ["warning"]), (2**62, 2**62, ["error"])]
)
def test_each_file_system_is_looked_at_once(
    setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: int, nearly: int, severity: list[str]
) -> None:
    (tmp_path / "state").mkdir()
    monkeypatch.setattr(disk, "FULL", full)
    monkeypatch.setattr(disk, "NEARLY", nearly)
    found = list(disk.look(setup))
    assert [each.severity for each in found] == severity
    assert all("MiB are free" in each.reason for each in found)
