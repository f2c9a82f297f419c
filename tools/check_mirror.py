"""Hold sources and tests to mirrored names.

A source `ROOM/estafeta_ROOM/PATH/NAME.py` has its test in `tests/ROOM/PATH/test_NAME.py`, and every such
test has its source; so whoever opens one knows where the other is, and a removed module takes its test along.

`__init__.py` and `__main__.py` need no test: the first holds the page about its package, the second one call.
The folders of tests in OWN_NAMES ask about several modules or none, and are named after what they ask.

Use: `python tools/check_mirror.py`. Prints one line per fault; status 1 when there is any.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

ROOMS = ("core", "policy", "milter", "web", "postfix")
OWN_NAMES = frozenset({"integration", "support", "testcases", "clients", "tools"})
NEED_NO_TEST = frozenset({"__init__.py", "__main__.py"})

# Modules without a test file of their own, each with the reason. One that gains a test leaves this table.
EXEMPT: dict[str, str] = {}


def expected_test(source: Path) -> Path:
    """Return where the test of `source` belongs; both are relative to the repository."""
    room, _package, *folders, name = source.parts
    return Path("tests", room, *folders, f"test_{name}")


def expected_source(test: Path) -> Path:
    """Return the source that `test` is named after; both are relative to the repository."""
    _tests, room, *folders, name = test.parts
    return Path(room, f"estafeta_{room}", *folders, name.removeprefix("test_"))


def sources(root: Path) -> list[Path]:
    """Return every module of the rooms that needs a test, relative to `root`."""
    found = (path for room in ROOMS for path in (root / room / f"estafeta_{room}").rglob("*.py"))
    return sorted(path.relative_to(root) for path in found if path.name not in NEED_NO_TEST)


def tests(root: Path) -> list[Path]:
    """Return every test file whose name must mirror a source, relative to `root`."""
    found = sorted(path.relative_to(root) for path in (root / "tests").rglob("test_*.py"))
    return [path for path in found if path.parts[1] not in OWN_NAMES]


def faults(root: Path, exempt: dict[str, str]) -> Iterator[str]:
    """Yield a sentence for every source, test or exemption under `root` that has lost its other half."""
    modules = sources(root)
    untested = {source for source in modules if not (root / expected_test(source)).exists()}
    for source in modules:
        if source in untested and str(source) not in exempt:
            yield f"{source}: has no test; expected {expected_test(source)}"
    for test in tests(root):
        if len(test.parts) < 3 or test.parts[1] not in ROOMS:
            yield f"{test}: lies in none of tests/{{{','.join(ROOMS)}}}"
        elif expected_source(test) not in modules:
            yield f"{test}: has no source; expected {expected_source(test)}"
    for name in exempt:
        if Path(name) not in untested:
            yield f"{name}: is exempt in tools/check_mirror.py, but is gone or has a test"


def main() -> int:
    """Check this repository."""
    found = list(faults(Path(__file__).resolve().parent.parent, EXEMPT))
    for fault in found:
        print(fault)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
