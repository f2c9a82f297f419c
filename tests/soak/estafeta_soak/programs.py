"""R10, R12 and R13: rows that are tests, and what tools say of the code.

R10   the test that traces a store with strace: rows are on the disk before anybody is told so
R12   every test there is, those of the table of attacks by their ids among them: `make test TIER=release`
R13   systemd-analyze (a test), pip-audit over what the package holds, branches that tests of protocol code,
      rewriting and tokens take (coverage.py)
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from estafeta_soak.step import Plan, Row
from estafeta_testing.documents import ROOT
from estafeta_testing.sandbox import STORE, STORES

AUDITS = ROOT / ".cache" / "audits"  # where `make soak` installs them
BRANCHES = 90.0  # per cent
# What parses bytes of strangers or rewrites them, and the tests that are its own.
PARSED = {
    "core/estafeta_core/tokens.py": "tests/core/test_tokens.py",
    "core/estafeta_core/links.py": "tests/core/test_links.py",
    "core/estafeta_core/json_strict.py": "tests/core/test_json_strict.py",
    "policy/estafeta_policy/wire/*": "tests/policy/wire",
    "milter/estafeta_milter/wire.py": "tests/milter/test_wire.py",
    "milter/estafeta_milter/html/*": "tests/milter/html",
    "milter/estafeta_milter/message/*": "tests/milter/message",
}
_PASSED = re.compile(r"(?:(\d+) failed, )?(\d+) passed")


def durable(plan: Plan, row: Row) -> None:
    """R10."""
    if plan.store != STORES[0]:
        row.left_out = "PostgreSQL's own: fsync and synchronous_commit are on unless somebody turns them off"
        return
    _tests(row, plan, "tests/core/store/test_writer.py", "-k", "k1")


def attacks(plan: Plan, row: Row) -> None:
    """R12."""
    _tests(row, plan, "-n", "3", "--dist", "loadfile", "tests")


def static(plan: Plan, row: Row) -> None:
    """R13."""
    _tests(row, plan, "tests/tools/test_deb.py", "tests/integration/test_units.py", "-k", "security or root")
    _audited(row)
    _covered(row)


def _tests(row: Row, plan: Plan, *arguments: str) -> None:
    done = _run(["-m", "pytest", "-q", *arguments], {STORE: plan.store})
    found = _PASSED.search(done.stdout.rpartition("\n=")[2] or done.stdout)
    said = found[0] if found else done.stdout[-300:]
    row.hold(f"tests: {' '.join(arguments)}", "none fails", said, done.returncode == 0)


def _audited(row: Row) -> None:
    arguments = [
        "--requirement",
        str(ROOT / "tools" / "lock" / "run.txt"),
        "--disable-pip",
        "--require-hashes",
    ]
    done = _run(["-m", "pip_audit", "--format", "json", "--progress-spinner", "off", *arguments], {}, AUDITS)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        row.hold("known faults of the packages held (pip-audit)", "none", done.stderr[-300:], holds=False)
        return
    if unasked := [each["name"] for each in packages if "skip_reason" in each]:
        row.figures["pip-audit"] = f"PyPI told nothing of {len(unasked)} of {len(packages)} packages"
        return
    known = [f"{each['name']} {fault['id']}" for each in packages for fault in each.get("vulns", ())]
    said = ", ".join(known) or f"none in {len(packages)}"
    row.hold("known faults of the packages held (pip-audit)", "none", said, not known)


def _covered(row: Row) -> None:
    """Measure the branches of protocol code, rewriting and tokens, by the tests of each alone."""
    with tempfile.TemporaryDirectory() as folder:
        data = ["--data-file", f"{folder}/data"]
        include = ["--include", ",".join(PARSED)]
        run = ["-m", "coverage", "run", "--branch", *data, *include, "-m", "pytest", "-q", "-n", "0"]
        done = _run([*run, *PARSED.values()], {}, AUDITS)
        row.hold(
            "tests of parsers, rewriting and tokens", "none fails", done.stdout[-80:], done.returncode == 0
        )
        _run(["-m", "coverage", "json", *data, "-o", f"{folder}/json"], {}, AUDITS)
        files = json.loads(Path(folder, "json").read_text())["files"]
    parts = {"tokens and links": "core/", "protocols": "wire", "HTML": "/html/", "MIME": "/message/"}
    for part, words in parts.items():
        counts = [each["summary"] for name, each in files.items() if words in name]
        taken, every = (sum(each[key] for each in counts) for key in ("covered_branches", "num_branches"))
        share = 100 * taken / max(1, every)
        row.hold(f"branches taken: {part}", f"at least {BRANCHES:g} %", f"{share:.1f} %", share >= BRANCHES)


def _run(
    arguments: list[str], environment: dict[str, str], more: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    paths = [str(more)] if more else []
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
