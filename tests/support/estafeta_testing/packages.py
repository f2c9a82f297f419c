"""The Debian packages that tests install: of this tree, of the commit before, and of a version after.

Each is built once for the files it is made from, below `.cache`, and shared by all test workers.
"""

import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from estafeta_testing.fresh_root import CACHE, ROOT, locked

# What tools/deb.sh reads.
SOURCES = [
    *("core", "policy", "milter", "web", "postfix", "packaging", "docs", "tools"),
    *("README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml"),
]


def built(version: str) -> Path:
    """Return the package of this tree, as it is now, under the number `version`; a minute when it is new."""
    return _cached(f"{version}-{_digest()}", lambda made: _build(ROOT, version, made))


def renumbered(package: Path, version: str, *, sample: str = "") -> Path:
    """Return `package` under another number, with `sample` behind its estafeta.yaml."""
    return _cached(f"{version}-of-{package.stem}", lambda made: _renumber(package, version, sample, made))


def previous(version: str) -> Path | None:
    """Return the package of the commit before this one under the number `version`; None without a history."""
    commit = subprocess.run(
        ["git", "rev-parse", "--quiet", "--verify", "HEAD~1"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    ).stdout.strip()  # fmt: skip
    return (
        _cached(f"{version}-{commit}", lambda made: _build_commit(commit, version, made)) if commit else None
    )


def _cached(name: str, make: Callable[[Path], None]) -> Path:
    """Return the package of this name, which `make` makes where it is not there yet."""
    folder = CACHE / "packages"
    with locked(CACHE / "packages.lock"):
        folder.mkdir(exist_ok=True)
        package = folder / f"{name}.deb"
        if not package.exists():
            for older in folder.glob(f"{name.partition('-')[0]}-*.deb"):
                older.unlink()
            draft = folder / "draft"
            make(draft)
            draft.rename(package)
    return package


def _digest() -> str:
    """Return a digest of the files that the package is made from."""
    digest = hashlib.sha256()
    for source in SOURCES:
        top = ROOT / source
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(
                    f"{path.relative_to(ROOT)} {path.stat().st_size}\n".encode() + path.read_bytes()
                )
    return digest.hexdigest()[:12]


def _build(tree: Path, version: str, made: Path) -> None:
    said = subprocess.run(["tools/deb.sh", version], cwd=tree, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    shutil.move(tree / said.stdout.strip(), made)


def _build_commit(commit: str, version: str, made: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name)
        archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x"], cwd=tree, input=archive, check=True)
        (tree / ".venv").symlink_to(ROOT / ".venv")  # pip, and what writes manual pages and completion
        _build(tree, version, made)


def _renumber(package: Path, version: str, sample: str, made: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        content = Path(name)
        subprocess.run(["dpkg-deb", "-R", str(package), str(content)], check=True)
        control = content / "DEBIAN" / "control"
        control.write_text(re.sub(r"(?m)^Version: .*", f"Version: {version}", control.read_text()))
        with (content / "etc" / "estafeta" / "estafeta.yaml").open("a") as file:
            file.write(sample)
        content.chmod(0o755)
        build = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(content), str(made)]
        subprocess.run(build, check=True, capture_output=True)
