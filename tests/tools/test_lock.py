"""The lock files against pyproject.toml: whoever edits the one runs `make lock` for the other."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
FILES = ("build.txt", "venv.txt", "run.txt", "fuzz.txt", "soak.txt")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)(.*(?:\n    .*)*)", re.MULTILINE)


def pins(name: str) -> dict[str, tuple[str, str]]:
    """Each locked package's version, and the rest of its entry: marker, hashes, who asked."""
    text = (ROOT / "tools" / "lock" / name).read_text()
    return {canonicalize_name(package): (version, rest) for package, version, rest in PIN.findall(text)}


def wanted(file: str) -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    extras = project["project"]["optional-dependencies"].values()
    dependencies: list[str] = [
        *project["project"]["dependencies"],
        *(line for extra in extras for line in extra),
    ]
    wanted = {
        "build.txt": groups["build"],
        "venv.txt": dependencies + groups["dev"],
        "run.txt": dependencies,
        "fuzz.txt": groups["fuzz"],
        "soak.txt": groups["soak"],
    }
    return list(wanted[file])


@pytest.mark.parametrize(("file", "line"), [(file, line) for file in FILES for line in wanted(file)])
def test_every_requirement_is_locked_at_a_version_it_allows(file: str, line: str) -> None:
    requirement = Requirement(line)
    version, _ = pins(file)[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(version)


@pytest.mark.parametrize("file", FILES)
def test_every_locked_package_names_the_hashes_of_its_files(file: str) -> None:
    assert [name for name, (_, rest) in pins(file).items() if "--hash=sha256:" not in rest] == []


def test_what_both_files_lock_is_one_version() -> None:
    build, venv = pins("build.txt"), pins("venv.txt")
    assert {name: build[name][0] for name in build.keys() & venv} == {
        name: venv[name][0] for name in build.keys() & venv
    }
