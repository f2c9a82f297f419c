import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from estafeta_postfix.cli.failure import Failure
from estafeta_testing import fleet

Run = Callable[..., Result]
ODD = b'\xef\xbb\xbf# B\xc3\xbccher\r\naccount:   odd   # spaces\r\ndialect: "sparkpost"\r\n'


@pytest.fixture
def stored(run: Run, config: Path, tmp_path: Path) -> Path:
    """A configuration whose store holds three accounts, one of them written by another editor."""
    fleet.make_stored(config)
    fleet.put(config, map(fleet.text, range(2)))
    file = tmp_path / "odd.yaml"
    file.write_bytes(ODD)
    assert run("import", str(file)).exit_code == 0
    return config


def test_what_was_imported_comes_back_byte_for_byte(run: Run, stored: Path, tmp_path: Path) -> None:
    out = tmp_path / "out" / "accounts"
    done = run("export", str(out))
    assert done.stdout == f"3 files written into {out}, 0 unchanged\n"
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {
        "customer0.yaml": fleet.text(0).encode(),
        "customer1.yaml": fleet.text(1).encode(),
        "odd.yaml": ODD,
    }
    assert (out / "odd.yaml").stat().st_mode & 0o777 == 0o640
    assert run("import", str(out)).stdout == "0 accounts written (0 new, 0 changed), 3 unchanged\n"
    del stored


def test_one_account_goes_to_standard_output(run: Run, stored: Path) -> None:
    assert run("export", "odd").stdout_bytes == ODD
    assert json.loads(run("export", "customer1", "--json").stdout)["text"] == fleet.text(1)
    missing = run("export", "nobody")
    assert isinstance(missing.exception, Failure)
    assert missing.exception.status == 1
    del stored


def test_files_of_no_account_stay_and_are_named(run: Run, stored: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "gone.yaml").write_text("account: gone\n")
    done = run("export", str(out))
    assert "1 files there are of no account in the store: gone.yaml" in done.stderr
    assert (out / "gone.yaml").exists()
    said = json.loads(run("export", str(out), "--json").stdout)
    assert said == {"folder": str(out), "written": 0, "unchanged": 3, "others": ["gone.yaml"]}
    del stored


def test_a_folder_that_cannot_be_written_is_told(run: Run, stored: Path) -> None:
    done = run("export", "/proc/nothing")
    assert isinstance(done.exception, Failure)
    assert done.exception.status == 2
    del stored
