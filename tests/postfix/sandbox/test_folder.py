import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from estafeta_postfix.instance import InstanceError
from estafeta_postfix.sandbox.folder import FolderError, taken


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder that Postfix's daemons could reach; pytest's own is closed to them."""
    with tempfile.TemporaryDirectory(prefix="estafeta-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_temporary_folder_is_removed_in_the_end() -> None:
    with taken(None) as layout:
        (layout.root / "file").touch()
        assert layout.root.stat().st_mode & 0o777 == 0o755
    assert not layout.root.exists()


def test_a_named_folder_is_made_and_stays(root: Path) -> None:
    with taken(root / "a" / "b") as layout:
        (layout.root / "file").touch()
    assert (root / "a" / "b" / "file").exists()


def test_a_sandbox_of_before_is_used_again(root: Path) -> None:
    for _ in range(2):
        with taken(root) as layout:
            (layout.root / "file").touch()


def test_a_folder_with_something_else_in_it_is_refused_and_left_alone(root: Path) -> None:
    (root / "thesis.tex").touch()
    root.chmod(0o750)
    with pytest.raises(FolderError, match="not a sandbox"), taken(root):
        pass
    assert [path.name for path in root.iterdir()] == ["thesis.tex"]
    assert root.stat().st_mode & 0o777 == 0o750


def test_a_folder_in_use_is_refused(root: Path) -> None:
    with taken(root), pytest.raises(FolderError, match="already"), taken(root):
        pass


def test_a_folder_that_postfix_cannot_reach_is_refused(root: Path) -> None:
    (root / "closed").mkdir(mode=0o700)
    with pytest.raises(InstanceError, match="closed to other users"), taken(root / "closed" / "box"):
        pass


def test_a_folder_that_cannot_be_made_is_refused(root: Path) -> None:
    (root / "file").touch()
    with pytest.raises(FolderError, match="file"), taken(root / "file"):
        pass
