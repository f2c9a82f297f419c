import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from estafeta_core.config.load import load_config, load_directory
from estafeta_postfix.cli import importing
from estafeta_postfix.cli.failure import Failure
from estafeta_testing import fleet

Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three account files."""
    made = tmp_path / "fleet"
    made.mkdir()
    for number in range(3):
        (made / f"{number}.yaml").write_text(fleet.text(number))
    return made


def test_a_folder_and_files_go_into_the_store(run: Run, folder: Path, config: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(fleet.text(7))
    done = run("import", str(folder), str(own))
    assert done.stdout == "4 accounts written (4 new, 0 changed), 0 unchanged\n"
    assert "until" in done.stderr
    assert "directory: store" in done.stderr
    fleet.make_stored(config)
    own.write_text(fleet.text(7, status="revoked"))
    done = run("import", str(folder), str(own), "--json")
    assert json.loads(done.stdout) == {"new": 0, "changed": 1, "unchanged": 3, "written": True}
    assert done.stderr == ""
    assert len(load_directory(load_config(config))) == 4


def test_a_dry_run_writes_nothing(run: Run, folder: Path, config: Path) -> None:
    done = run("import", "--dry-run", str(folder))
    assert done.stdout == "3 accounts would be written (3 new, 0 changed), 0 unchanged\n"
    fleet.make_stored(config)
    assert load_directory(load_config(config)) == []


def test_every_fault_is_told_and_nothing_is_written(
    run: Run, folder: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "1.yaml").write_text("account: [")
    (folder / "2.yaml").write_text(fleet.text(2).replace("sparkpost", "carrier-pigeon"))
    (folder / "3.yaml").write_text(fleet.text(0))
    monkeypatch.setattr(importing, "NAMED", 2)
    done = run("import", str(folder))
    assert isinstance(done.exception, Failure)
    assert done.exception.status == 2
    assert str(done.exception) == (
        "3 of 4 files cannot be used, 1 faults not named here; nothing was written"
    )
    first, second = done.stderr.splitlines()
    assert "1.yaml:2: not YAML" in first
    assert "2.yaml:3: dialect: unknown dialect 'carrier-pigeon'" in second
    fleet.make_stored(config)
    assert not (config.parent / "estafeta.db").exists()


def test_a_relative_key_counts_from_the_folder_of_the_configuration(
    run: Run, folder: Path, config: Path
) -> None:
    run("import", str(folder))
    fleet.make_stored(config)
    account = next(each for each in load_directory(load_config(config)) if each.account == "customer1")
    dkim = account.domains["mail1.example"].dkim
    assert dkim is not None
    key = dkim.keys["s1"]
    assert not isinstance(key, str)
    assert key.file == config.parent / "accounts.d" / "1.pem"
