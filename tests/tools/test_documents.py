"""README.md and docs/: what they link to is there, and what is a command is marked as one."""

import re
from pathlib import Path

import pytest

from estafeta_testing import documents

MARKED = "write ```console and begin each command with `# ` or `$ `"
NAMES = [str(page.relative_to(documents.ROOT)) for page in documents.PAGES]


@pytest.mark.parametrize("page", documents.PAGES, ids=NAMES)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for link in documents.links(page):
        if link.startswith(("https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link}: there is no such file"
        assert target.is_relative_to(documents.ROOT), f"{link}: outside of the repository"
        assert not anchor or anchor in documents.anchors(target), f"{link}: there is no such heading"


@pytest.mark.parametrize("page", documents.PAGES, ids=NAMES)
def test_every_test_that_is_named_is_in_the_file_it_is_linked_to(page: Path) -> None:
    for name, path in re.findall(r"\[(test_\w+)\]\(([^)]+)\)", page.read_text()):
        assert f"def {name}(" in (page.parent / path).read_text(), f"{path} has no {name}"


@pytest.mark.parametrize("page", documents.PAGES, ids=NAMES)
def test_commands_stand_in_blocks_that_a_test_runs(page: Path) -> None:
    others = documents.languages(page) & {"sh", "bash", "shell", "shellsession", "zsh"}
    assert not others, MARKED
    for text in documents.unmarked(page):
        assert not re.match(r"(estafeta|make|curl|swaks|sqlite3|systemctl|apt|dpkg|post\w+) ", text), MARKED


@pytest.mark.parametrize("page", documents.PAGES, ids=NAMES)
def test_every_page_is_found_from_the_first_one(page: Path) -> None:
    seen: set[Path] = set()
    waiting = [documents.ROOT / "README.md"]
    while waiting:
        here = waiting.pop()
        if here in seen or here.suffix != ".md":
            continue
        seen.add(here)
        targets = (
            link.partition("#")[0] for link in documents.links(here) if not link.startswith("https://")
        )
        waiting += [(here.parent / path).resolve() for path in targets if path]
    assert page in seen
