"""The script that holds tests and sources to mirrored names, run on small trees."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import check_mirror


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with one package page, one source and its test."""
    for name in (
        "milter/estafeta_milter/__init__.py",
        "milter/estafeta_milter/handlers/open_pixel.py",
        "tests/milter/handlers/test_open_pixel.py",
    ):
        put(tmp_path, name)
    return tmp_path


def put(root: Path, name: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def faults(root: Path, *exempt: str) -> list[str]:
    return list(check_mirror.faults(root, dict.fromkeys(exempt, "a reason")))


def test_a_tree_whose_names_mirror_has_no_fault(tree: Path) -> None:
    assert faults(tree) == []


def test_a_source_without_a_test_is_named_with_the_place_where_its_test_belongs(tree: Path) -> None:
    source, test = "policy/estafeta_policy/wire/delegation.py", "tests/policy/wire/test_delegation.py"
    put(tree, source)
    assert faults(tree) == [f"{source}: has no test; expected {test}"]


def test_a_test_without_a_source_is_named_with_the_source_it_claims(tree: Path) -> None:
    put(tree, "tests/core/test_gone.py")
    assert faults(tree) == ["tests/core/test_gone.py: has no source; expected core/estafeta_core/gone.py"]


@pytest.mark.parametrize("name", ["tests/test_lost.py", "tests/attic/test_lost.py"])
def test_a_test_outside_every_room_is_refused(tree: Path, name: str) -> None:
    put(tree, name)
    assert faults(tree) == [f"{name}: lies in none of tests/{{core,policy,milter,web,postfix}}"]


@pytest.mark.parametrize("folder", ["integration", "support", "testcases", "clients", "tools"])
def test_folders_that_ask_about_the_whole_name_their_tests_freely(tree: Path, folder: str) -> None:
    put(tree, f"tests/{folder}/test_anything.py")
    assert faults(tree) == []


def test_package_pages_entry_points_stubs_and_fixtures_need_no_test(tree: Path) -> None:
    put(tree, "postfix/estafeta_postfix/__main__.py")
    put(tree, "milter/typings/Milter/__init__.pyi")
    put(tree, "tests/milter/conftest.py")
    assert faults(tree) == []


def test_an_exempt_source_needs_no_test(tree: Path) -> None:
    put(tree, "core/estafeta_core/values.py")
    assert faults(tree, "core/estafeta_core/values.py") == []


@pytest.mark.parametrize(
    "name", ["core/estafeta_core/gone.py", "milter/estafeta_milter/handlers/open_pixel.py"]
)
def test_an_exemption_that_is_no_longer_needed_is_refused(tree: Path, name: str) -> None:
    assert faults(tree, name) == [f"{name}: is exempt in tools/check_mirror.py, but is gone or has a test"]


def test_the_script_judges_the_repository_it_lies_in_and_says_so_in_its_status(tree: Path) -> None:
    put(tree, "tools/check_mirror.py")
    shutil.copy(str(check_mirror.__file__), tree / "tools")
    for name in check_mirror.EXEMPT:
        put(tree, name)
    argv = [sys.executable, str(tree / "tools" / "check_mirror.py")]
    assert subprocess.run(argv, capture_output=True, check=False).stdout == b""
    put(tree, "web/estafeta_web/app.py")
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == "web/estafeta_web/app.py: has no test; expected tests/web/test_app.py\n"
